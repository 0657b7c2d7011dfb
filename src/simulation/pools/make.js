/** Writes the pools of start poses: `npm run build && node src/simulation/pools/make.js`. Run again, nothing changes. */
import { writeFileSync } from 'node:fs';
import { TASKS } from '#alohad/contract/task.js';
import { sampleStartPose } from '#alohad/simulation/startPoses.js';

/** First seed and number of poses of each pool. */
const POOLS = { select: [10_000, 250], valid: [20_000, 250], test: [30_000, 1000] };

for (const [pool, [first, count]] of Object.entries(POOLS)) {
  const tasks = TASKS.map((task) => {
    const poses = Array.from({ length: count }, (_, i) => {
      const { seed, objects } = sampleStartPose(task, first + i);
      return `    ${JSON.stringify({ seed, objects: Array.from(objects) })}`;
    });
    return `  ${JSON.stringify(task)}: [\n${poses.join(',\n')}\n  ]`;
  });
  writeFileSync(new URL(`${pool}.json`, import.meta.url), `{\n${tasks.join(',\n')}\n}\n`);
}
