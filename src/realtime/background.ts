/** Makes a process, or one thread of it, step back for others: a learner or a painter beside a running control loop. */
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

const LOWEST = constants.priority.PRIORITY_LOW;

/**
 * Lowers the priority of every thread of this process; threads that it starts later inherit it. Linux only gives way
 * between terminals by session where autogroups are on (sched(7)), so the session's share is lowered too.
 * Call it before worker threads are started.
 */
export function stepBack(): void {
  setPriority(LOWEST);
  if (process.platform !== 'linux') return;
  // On Linux a priority belongs to a thread, not to a process.
  for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), LOWEST);
  try {
    writeFileSync('/proc/self/autogroup', String(LOWEST));
  } catch {
    // A kernel without autogroups, or one that wants a pause between changes: threads gave way already.
  }
}

/** The calling thread gives way to the rest of this process, where the system has priorities per thread. */
export function stepThreadBack(): void {
  if (process.platform !== 'linux') return;
  setPriority(
    Number(readlinkSync('/proc/thread-self').split('/').at(-1)),
    constants.priority.PRIORITY_BELOW_NORMAL,
  );
}
