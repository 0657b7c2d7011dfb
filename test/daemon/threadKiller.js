/**
 * Preload of a daemon under test, in each of its threads: the thread whose entry file is named dies of an error that
 * nobody catches, as of a bug. Nothing of it is in the product; see childDeaths.test.ts.
 */
import { BroadcastChannel, isMainThread } from 'node:worker_threads';

const channel = new BroadcastChannel('kill');
channel.unref();
if (isMainThread) {
  process.on('message', (file) => channel.postMessage(file));
  process.channel?.unref();
} else {
  channel.addEventListener('message', ({ data: file }) => {
    if (process.argv[1].endsWith(`/${file}`)) throw new Error('killed by the test');
  });
}
