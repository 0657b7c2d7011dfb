/** The main thread's handle of a thread that does one job: starts it, passes its messages on, stops it safely. */
import { Worker } from 'node:worker_threads';
import { AlohadError } from '../contract/errors.js';
import { RemoteError, type FailedMessage } from './remoteError.js';

interface Message {
  readonly kind: string;
}
type Done<M extends Message> = Extract<M, { kind: 'done' }>;
/** A message that is only about the job in progress; the end of it is the promise's matter. */
export type WorkEvent<M extends Message> = Exclude<M, { kind: 'done' | 'failed' }>;

/**
 * Runs `job` in a thread of its own until it is done, failed or stopped by the signal (arms holding first).
 * The thread is told to stop by a message `{ kind: 'stop' }`; `post` of `onEvent` sends it others.
 */
export async function runThread<M extends Message>(
  entry: URL,
  job: unknown,
  onEvent: (event: WorkEvent<M>, post: (message: Message) => void) => void,
  signal: AbortSignal,
): Promise<Done<M>> {
  const worker = new Worker(entry, { workerData: job });
  const post = (message: Message): void => worker.postMessage(message);
  const stop = (): void => post({ kind: 'stop' });
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    return await new Promise((resolve, reject) => {
      worker.on('message', (message: WorkEvent<M> | Done<M> | FailedMessage) => {
        if (isDone<M>(message)) resolve(message);
        else if (isFailed(message)) reject(new RemoteError(message.name, message.message, message.exitCode));
        else onEvent(message, post);
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

const isDone = <M extends Message>(message: Message): message is Done<M> => message.kind === 'done';
const isFailed = (message: Message): message is FailedMessage => message.kind === 'failed';
