/** Tells whether the process that was writing a file is still alive, also when its number was given to another. */
import { readFileSync } from 'node:fs';

/**
 * A name of process `pid` that no other process of this machine has or had: boot, number, start time.
 * Undefined when there is no such process, or no /proc to ask.
 */
export function processToken(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // Field 22 of /proc/pid/stat is the start time; the name in field 2 may hold spaces, so count from its ')'.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const facts = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // One that has ended and that nobody has asked about yet writes nothing any more.
    return facts[0] === 'Z' ? undefined : `${boot}:${pid}:${facts[19]}`;
  } catch {
    return undefined;
  }
}

/** Number of the process of `token`; NaN for what is none. */
export const pidOf = (token: string): number => Number(token.split(':')[1]);

/** Whether the process of `token` runs on this machine now. */
export function isAlive(token: string): boolean {
  const pid = pidOf(token);
  return Number.isInteger(pid) && processToken(pid) === token;
}
