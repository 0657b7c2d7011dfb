/**
 * Tells systemd how the daemon is (sd_notify). Node.js has no datagram sockets of the kind that it listens on, so its own
 * tool speaks; the unit needs NotifyAccess=all.
 */
import { spawn } from 'node:child_process';
import { notifySocket } from '../../config/environment.js';

/** Where nobody listens nothing is done; a failure is not an error, the daemon runs without being watched. */
export function tellSystemd(...news: readonly string[]): void {
  if (notifySocket() === undefined) return;
  spawn('systemd-notify', [...news], { stdio: 'ignore' }).on('error', () => {});
}
