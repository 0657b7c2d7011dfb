/** Runs a ControlJob in a thread of its own. */
import type { ControlJob, ControlMessage, ControlTiming } from './controlJob.js';
import { runThread, type WorkEvent } from './workThread.js';

export type ControlEvent = WorkEvent<ControlMessage>;

/** Until it is done, failed or stopped by the signal (arms holding first). Throws what the thread throws, by name. */
export async function runControlThread(
  job: ControlJob,
  onEvent: (event: ControlEvent) => void,
  signal: AbortSignal,
): Promise<{ interrupted: boolean; timing: ControlTiming }> {
  const entry = new URL('./controlWorker.js', import.meta.url);
  return await runThread<ControlMessage>(entry, job, onEvent, signal);
}
