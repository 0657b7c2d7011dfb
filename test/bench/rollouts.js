// Roll-outs per second of an open-loop policy, recorded, in one world and in one per core.
//
//   node test/bench/rollouts.js --policy FOLDER [--rollouts 24] [--rounds 3] [--json FILE]
//
// FOLDER is a checkpoint with its weights, such as finetuneStart.js makes. Worlds draw only what the policy reads: four
// times an episode. Both take turns on the same poses; the share is what several worlds reach of cores times one.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { defaultRig } from '#alohad/config/rig.js';
import { openPolicyFarm } from '#alohad/daemon/policyFarm.js';
import { sampleStartPose } from '#alohad/simulation/startPoses.js';

const FIRST_SEED = 1_690_000;

const { values } = parseArgs({
  options: {
    policy: { type: 'string' },
    rollouts: { type: 'string', default: '24' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'string' },
  },
});
if (values.policy === undefined) throw new Error('give --policy FOLDER');
const cores = availableParallelism();
const starts = Array.from({ length: Number(values.rollouts) }, (_, i) =>
  sampleStartPose('insertion', FIRST_SEED + i),
);
const folder = mkdtempSync(join(tmpdir(), 'alohad-bench-'));
const { farm: one } = await openPolicyFarm(values.policy, defaultRig(), 1, join(folder, 'one'));
const { farm: several } = await openPolicyFarm(values.policy, defaultRig(), cores, join(folder, 'several'));

async function rate(farm) {
  const began = performance.now();
  await farm.play(starts);
  return (1000 * starts.length) / (performance.now() - began);
}

await rate(one); // Worlds load and compilers warm up.
await rate(several);
const rates = { one: [], several: [] };
for (let round = 0; round < Number(values.rounds); round++) {
  rates.one.push(await rate(one));
  rates.several.push(await rate(several));
}
await one.close();
await several.close();
rmSync(folder, { recursive: true });
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const [alone, together] = [median(rates.one), median(rates.several)];
const result = {
  processor: cpus()[0].model,
  cores,
  rollouts: starts.length,
  rounds: rates.one.length,
  onePerSecond: Number(alone.toFixed(2)),
  allCoresPerSecond: Number(together.toFixed(2)),
  shareOfCoresTimesOne: Number((together / (cores * alone)).toFixed(2)),
};
console.log(JSON.stringify(result, null, 2));
if (values.json) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
