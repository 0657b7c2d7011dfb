// Started by smallHeaps.test.ts: how large the young generation of a busy thread becomes [MB].
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { keepHeapsSmall } from '#alohad/realtime/smallHeaps.js';

/** Many objects that live for a while, as at a start-up. */
const BUSY = `
  const kept = [];
  let largest = 0;
  for (let i = 0; i < 2e6; i++) {
    kept[i % 20000] = { i, more: [i, i] };
    if (i % 20000 > 0) continue;
    const young = require('node:v8').getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    largest = Math.max(largest, young.space_size);
  }
  require('node:worker_threads').parentPort.postMessage(largest / 2 ** 20);
`;

if (process.argv[2] === 'small') keepHeapsSmall();
const [largest] = await once(new Worker(BUSY, { eval: true }), 'message');
process.stdout.write(String(largest));
