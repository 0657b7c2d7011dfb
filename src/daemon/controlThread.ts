/** The main thread's handle of a control thread: starts it, passes its messages on, stops it safely. */
import { Worker } from 'node:worker_threads';
import { AlohadError } from '../contract/errors.js';
import { RemoteError } from './remoteError.js';
import type { ControlJob, ControlMessage, ControlTiming } from './controlJob.js';

/** A message that is only about the run in progress; the end of it is the promise's matter. */
export type ControlEvent = Exclude<ControlMessage, { kind: 'done' | 'failed' }>;

/** Runs a job in a thread of its own until it is done, failed or stopped by the signal (arms holding first). */
export async function runControlThread(
  job: ControlJob,
  onEvent: (event: ControlEvent) => void,
  signal: AbortSignal,
): Promise<{ interrupted: boolean; timing: ControlTiming }> {
  const worker = new Worker(new URL('./controlWorker.js', import.meta.url), { workerData: job });
  const stop = (): void => {
    worker.postMessage('stop');
  };
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    return await new Promise((resolve, reject) => {
      worker.on('message', (message: ControlMessage) => {
        if (message.kind === 'done') resolve({ interrupted: message.interrupted, timing: message.timing });
        else if (message.kind === 'failed')
          reject(new RemoteError(message.name, message.message, message.exitCode));
        else onEvent(message);
      });
      worker.on('error', reject);
      worker.on('exit', (code) => {
        reject(new AlohadError(`the control thread ended (${code}) before its job was done`));
      });
    });
  } finally {
    signal.removeEventListener('abort', stop);
    await worker.terminate();
  }
}
