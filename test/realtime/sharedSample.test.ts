import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { SharedSample } from '#alohad/realtime/sharedSample.js';

it('has nothing to read before the first sample, then the newest', () => {
  const sample = SharedSample.allocate(3);
  const seen = new Float64Array(3);
  expect(sample.read(seen)).toBe(false);
  sample.write((values) => values.set([1, 2, 3]));
  sample.write((values) => values.set([4, 5, 6]));
  expect(new SharedSample(sample.memory).read(seen)).toBe(true);
  expect([...seen]).toEqual([4, 5, 6]);
  expect(sample.version).toBe(2);
});

it('never hands out a torn sample, while another thread writes as fast as it can', async () => {
  const sample = SharedSample.allocate(2000);
  const writer = new Worker(
    `const { workerData } = require('node:worker_threads');
     import(workerData.module).then(({ SharedSample }) => {
       const sample = new SharedSample(workerData.memory);
       for (let n = 1; ; n++) sample.write((values) => values.fill(n));
     });`,
    {
      eval: true,
      workerData: { memory: sample.memory, module: import.meta.resolve('#alohad/realtime/sharedSample.js') },
    },
  );
  const seen = new Float64Array(2000);
  const versions = new Set<number>();
  const untilMs = performance.now() + 500;
  while (performance.now() < untilMs || versions.size < 20) {
    if (!sample.read(seen)) {
      await new Promise(setImmediate);
      continue;
    }
    expect(seen.every((value) => value === seen[0])).toBe(true);
    versions.add(seen[0]!);
  }
  await writer.terminate();
});
