/** Asks Linux to run the calling thread before all ordinary ones (SCHED_FIFO). */
import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';

export interface FifoResult {
  readonly granted: boolean;
  /** Where refused: why, and what the user can do. */
  readonly advice?: string;
}

/** Above the kernel's own threaded interrupts would starve the USB of cameras and servos; 50 is their default. */
const PRIORITY = 50;

/**
 * Asked for once per thread, outside the loop: it starts a process and takes some milliseconds.
 * A refusal is not an error: the loop runs, with a longer tail (p99 0.9 instead of 0.2 ms, facts/inference.md).
 */
export function requestFifo(): FifoResult {
  if (process.platform !== 'linux') {
    return {
      granted: false,
      advice: `Real-time priority is available on Linux only; this is ${process.platform}.`,
    };
  }
  // Node gives no thread id; the link reads `PID/task/TID` for whichever thread follows it.
  const tid = readlinkSync('/proc/thread-self').split('/').at(-1)!;
  // Threads inherit the priority of the one that starts them; an inference worker must not.
  const asked = spawnSync('chrt', ['--reset-on-fork', '--fifo', '--pid', String(PRIORITY), tid], {
    encoding: 'utf8',
  });
  if (asked.status === 0) return { granted: true };
  const reason = asked.error ? asked.error.message : asked.stderr.trim();
  return {
    granted: false,
    advice:
      `No real-time priority for the control loop (${reason}). Ticks may start a few milliseconds late. ` +
      'To allow it: install util-linux (chrt) and add "@youruser - rtprio 50" to /etc/security/limits.conf, ' +
      'then log in again; in a container add --cap-add=SYS_NICE.',
  };
}
