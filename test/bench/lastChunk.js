// What constant offsets of the peg's gripper do to the last chunk of a policy's roll-outs, in simulation.
//
//   node test/bench/lastChunk.js --policy FOLDER [--last 200] [--rollouts 200] [--seed 700] [--pool valid --shift Y,Z] [--json FILE]
//
// Without --pool: plays training poses, then
//   probe   40 branches of near misses, 8 directions in turn, 6 mm: do those that help point one way? (Rayleigh's test)
//   shifts  a grid of constant offsets on successes and near misses: would one shift of every last chunk help?
//   passes  share of near misses that the best of 1, 2, 4, 8, 16 random offsets (6 mm) solves
// With --pool and --shift: plays that pool and repeats every last chunk with the shift: success before and after.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { defaultRig } from '#alohad/config/rig.js';
import { openPolicyFarm } from '#alohad/daemon/policyFarm.js';
import { EPISODE_STEPS } from '#alohad/contract/task.js';
import { branchesFrom, succeeding } from '#alohad/daemon/chunkBranch.js';
import { RandomStream } from '#alohad/episodes/randomStream.js';
import { readEpisode } from '#alohad/episodes/readEpisode.js';
import { exactMcnemar } from '#alohad/learning/evaluation/mcnemar.js';
import { clopperPearson } from '#alohad/learning/statistics.js';
import { readPool, sampleStartPose } from '#alohad/simulation/startPoses.js';

const TASK = 'insertion';
const OFFSET_M = 0.006;
const DIRECTIONS = 8;
const PROBES = 40;
const GRID_Y_M = [-0.006, -0.003, 0, 0.003, 0.006];
const GRID_Z_M = [-0.006, -0.003, 0, 0.003, 0.006, 0.009, 0.012];
/** Roll-outs that the grid is tried on. */
const GRID_ROLLOUTS = 80;
const PASSES = [1, 2, 4, 8, 16];

const { values } = parseArgs({
  options: {
    policy: { type: 'string' },
    last: { type: 'string', default: '200' },
    rollouts: { type: 'string', default: '200' },
    seed: { type: 'string', default: '700' },
    workers: { type: 'string', default: '2' },
    pool: { type: 'string' },
    shift: { type: 'string' },
    json: { type: 'string' },
  },
});
if (values.policy === undefined) throw new Error('give --policy FOLDER');
const last = Number(values.last);
const folder = mkdtempSync(join(tmpdir(), 'alohad-bench-'));
const { farm } = await openPolicyFarm(values.policy, defaultRig(), Number(values.workers), folder);
try {
  const result = values.pool === undefined ? await probe() : await shiftPool();
  console.log(JSON.stringify(result, null, 2));
  if (values.json) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
} finally {
  await farm.close();
  rmSync(folder, { recursive: true });
}

async function probe() {
  const first = 1_000_000 + Number(values.seed) * 100_000;
  const starts = Array.from({ length: Number(values.rollouts) }, (_, i) => sampleStartPose(TASK, first + i));
  const played = (await farm.play(starts)).map((rollout, i) => ({ ...rollout, start: starts[i] }));
  const successes = played.filter(({ outcome }) => outcome.success);
  const misses = played.filter(({ outcome }) => outcome.maxReward === 3);

  const probed = misses.slice(0, PROBES);
  const angles = probed.map((_, i) => (2 * Math.PI * (i % DIRECTIONS)) / DIRECTIONS);
  const helped = await branches(
    probed.map((rollout, i) => [
      rollout,
      [0, OFFSET_M * Math.cos(angles[i]), OFFSET_M * Math.sin(angles[i])],
    ]),
  );
  const good = angles.filter((_, i) => helped[i]);
  const mean = [Math.cos, Math.sin].map((f) => good.reduce((sum, a) => sum + f(a), 0) / (good.length || 1));
  const resultant = Math.hypot(...mean);
  // Rayleigh's test of uniformity on the circle, with Wilkie's approximation for small n.
  const n = good.length;
  const p = n === 0 ? 1 : Math.exp(Math.sqrt(1 + 4 * n + 4 * n * n * (1 - resultant ** 2)) - (1 + 2 * n));

  const sample = played.filter(({ outcome }) => outcome.maxReward >= 3).slice(0, GRID_ROLLOUTS);
  const shifts = [];
  for (const y of GRID_Y_M)
    for (const z of GRID_Z_M) {
      const solved = await branches(sample.map((rollout) => [rollout, [0, y, z]]));
      shifts.push({ yMm: 1000 * y, zMm: 1000 * z, solved: solved.filter(Boolean).length });
    }
  const none = shifts.find(({ yMm, zMm }) => yMm === 0 && zMm === 0);
  const best = shifts.toSorted((a, b) => b.solved - a.solved)[0];

  const random = RandomStream.of(Number(values.seed), 'passes', 0);
  const tries = Math.max(...PASSES);
  const offsets = misses.flatMap((rollout) =>
    Array.from({ length: tries }, () => [
      rollout,
      [0, OFFSET_M * random.normal(), OFFSET_M * random.normal()],
    ]),
  );
  const tried = await branches(offsets);
  const passes = Object.fromEntries(
    PASSES.map((count) => [
      count,
      misses.filter((_, i) => tried.slice(i * tries, i * tries + count).some(Boolean)).length,
    ]),
  );
  return {
    policy: values.policy,
    rollouts: played.length,
    firstSeed: first,
    successes: successes.length,
    nearMisses: misses.length,
    probe: {
      branches: probed.length,
      solved: good.length,
      byDirection: Array.from({ length: DIRECTIONS }, (_, d) => ({
        degreesFromYTowardsZ: (360 * d) / DIRECTIONS,
        tried: angles.filter((_angle, i) => i % DIRECTIONS === d).length,
        solved: helped.filter((solved, i) => solved && i % DIRECTIONS === d).length,
      })),
      meanDirection: { y: mean[0], z: mean[1] },
      rayleighP: p,
      verdict: p < 0.05 ? 'biased: a constant shift should help' : 'no bias shown',
    },
    shifts: { states: sample.length, unshifted: none.solved, best, all: shifts },
    passesOfNearMisses: passes,
  };
}

async function shiftPool() {
  const shift = [0, ...(values.shift ?? '0,0').split(',').map(Number)];
  const starts = readPool(values.pool, TASK).slice(0, Number(values.rollouts));
  const played = (await farm.play(starts)).map((rollout, i) => ({ ...rollout, start: starts[i] }));
  const before = played.map(({ outcome }) => outcome.success);
  const after = await branches(played.map((rollout) => [rollout, shift]));
  const count = (list) => list.filter(Boolean).length;
  const interval = (list) => clopperPearson(count(list), list.length);
  const won = after.filter((solved, i) => solved && !before[i]).length;
  const lost = before.filter((solved, i) => solved && !after[i]).length;
  return {
    policy: values.policy,
    pool: values.pool,
    shiftM: shift,
    poses: starts.length,
    before: { successes: count(before), clopperPearson95: interval(before) },
    after: { successes: count(after), clopperPearson95: interval(after) },
    won,
    lost,
    mcnemarTwoSided: exactMcnemar(won, lost).twoSided,
  };
}

/** Whether each roll-out, gone back to the last chunk and played on with the offset [m], succeeds. */
async function branches(list) {
  return succeeding(
    farm,
    list.map(([{ path, start }, offset]) =>
      branchesFrom(readEpisode(path), last, EPISODE_STEPS, start, 'shift')('right', offset),
    ),
  );
}
