// Loaded before a verb: throws where nobody catches it, in the main thread, when told by a signal.
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  process.on('SIGUSR2', () => {
    throw new Error('planted');
  });
}
