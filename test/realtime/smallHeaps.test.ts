import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

/** [MB], in a process of its own: flags of V8 hold for a whole process. */
const largestYoungHeap = (how: string): number =>
  Number(
    spawnSync(process.execPath, [fileURLToPath(new URL('heapSizes.js', import.meta.url)), how], {
      encoding: 'utf8',
    }).stdout,
  );

it('bounds the young generation of threads, which V8 lets grow tenfold', () => {
  expect(largestYoungHeap('as usual')).toBeGreaterThan(8);
  const small = largestYoungHeap('small');
  expect(small).toBeGreaterThan(0);
  expect(small).toBeLessThanOrEqual(4);
});
