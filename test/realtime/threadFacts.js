// Asked by threads.test.ts: facts that only a thread of its own can tell.
import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { requestFifo } from '#alohad/realtime/fifo.js';
import { monotonicMs } from '#alohad/realtime/monotonic.js';

parentPort.once('message', () => {
  const timeMs = monotonicMs();
  const fifo = requestFifo();
  const tid = readlinkSync('/proc/thread-self').split('/').at(-1);
  parentPort.postMessage({
    timeMs,
    fifo,
    scheduling: spawnSync('chrt', ['-p', tid], { encoding: 'utf8' }).stdout,
  });
});
