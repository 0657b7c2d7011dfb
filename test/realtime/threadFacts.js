// Asked by threads.test.ts: facts that only a thread of its own can tell.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { parentPort, Worker } from 'node:worker_threads';
import { requestFifo } from '#alohad/realtime/fifo.js';
import { monotonicMs } from '#alohad/realtime/monotonic.js';

const scheduling = (tid) => spawnSync('chrt', ['-p', tid], { encoding: 'utf8' }).stdout;
const CHILD = `
  const { readlinkSync } = require('fs');
  require('worker_threads').parentPort.postMessage(readlinkSync('/proc/thread-self').split('/').at(-1));
  setInterval(() => {}, 1000);
`;

await once(parentPort, 'message');
const timeMs = monotonicMs();
const fifo = requestFifo();
const parent = scheduling(readlinkSync('/proc/thread-self').split('/').at(-1));
const child = new Worker(CHILD, { eval: true });
const [childTid] = await once(child, 'message');
parentPort.postMessage({ timeMs, fifo, parent, child: scheduling(childTid) });
await child.terminate();
