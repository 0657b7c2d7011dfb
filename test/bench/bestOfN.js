// Best of N: the last chunk of a policy is chosen among itself and constant offsets by a pessimistic ensemble of critics.
//
//   node test/bench/bestOfN.js --policy FOLDER [--last 200] [--rollouts 300] [--offsets 3] [--steps 2000] [--pool valid]
//                              [--episodes 250] [--seed 800] [--workers 2] [--json FILE]
//
// Training poses are played and every last chunk is branched with random offsets (a quarter of a roll-out each); five
// critic heads learn from camera features and offset which succeeds. Then the pool is played: of 17 candidates the one
// with the best mean minus standard deviation is taken if it beats the policy's own chunk by a margin.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { defaultRig } from '#alohad/config/rig.js';
import { openPolicyFarm } from '#alohad/daemon/policyFarm.js';
import { DOF } from '#alohad/contract/robot.js';
import { EPISODE_STEPS } from '#alohad/contract/task.js';
import { branchesFrom, succeeding } from '#alohad/daemon/chunkBranch.js';
import { RandomStream } from '#alohad/episodes/randomStream.js';
import { readEpisode } from '#alohad/episodes/readEpisode.js';
import { exactMcnemar } from '#alohad/learning/evaluation/mcnemar.js';
import { SampleLoader } from '#alohad/learning/finetune/sampleLoader.js';
import { readStoredPolicy } from '#alohad/learning/import/storedPolicy.js';
import { clopperPearson } from '#alohad/learning/statistics.js';
import { CriticTrainer } from '#alohad/network/criticTrainer.js';
import { buildFeatureModel } from '#alohad/network/policyModel.js';
import { loadCheckpoint } from '#alohad/policy/checkpoint.js';
import { offsetChunk } from '#alohad/simulation/chunkOffset.js';
import { readPool, sampleStartPose } from '#alohad/simulation/startPoses.js';

const TASK = 'insertion';
const OFFSET_M = 0.006;
const HEADS = 5;
const BETA = 1;
const MARGIN = 0.1;
const BATCH = 16;
const BOOTSTRAP = 0.8;
/** Joint angles that offsets of some millimetres change by about so much [rad]: critics see differences over it. */
const JOINT_SCALE = 0.02;
const RADII_M = [0.004, 0.008];
const DIRECTIONS = 8;

const { values } = parseArgs({
  options: {
    policy: { type: 'string' },
    last: { type: 'string', default: '200' },
    rollouts: { type: 'string', default: '300' },
    offsets: { type: 'string', default: '3' },
    steps: { type: 'string', default: '2000' },
    pool: { type: 'string', default: 'select' },
    episodes: { type: 'string', default: '250' },
    seed: { type: 'string', default: '800' },
    workers: { type: 'string', default: '2' },
    json: { type: 'string' },
  },
});
if (values.policy === undefined) throw new Error('give --policy FOLDER');
const last = Number(values.last);
const seed = Number(values.seed);
const folder = mkdtempSync(join(tmpdir(), 'alohad-bench-'));
const { config, weights } = readStoredPolicy(values.policy);
const { manifest } = await loadCheckpoint(values.policy);
const { farm } = await openPolicyFarm(values.policy, defaultRig(), Number(values.workers), folder);
const chunks = new SampleLoader({
  chunkSize: config.chunkSize,
  images: manifest.images,
  source: {
    url: new URL('../../dist/daemon/trainingImages.js', import.meta.url).href,
    options: { task: TASK },
  },
  environmentSize: 0,
  featureModel: buildFeatureModel(config, weights),
  cacheMegabytes: 1000,
});
const flat = (std) => ({ mean: Array(DOF).fill(0), std: Array(DOF).fill(std) });
const critic = await CriticTrainer.create({
  config: {
    actor: { ...config, normalisation: { ...config.normalisation, action: flat(JOINT_SCALE) } },
    eyes: 'actor',
    channels: [64, 32],
    hidden: [256, 256],
    heads: HEADS,
    actions: 4,
  },
  batchSize: BATCH,
  seed,
  groups: [{ prefix: '', learningRate: 2e-4, weightDecay: 1e-3 }],
  optimizer: { betas: [0.9, 0.999], epsilon: 1e-8, clipNorm: 10 },
  threads: 1,
});

// Only episodes that came to their last chunk with the objects in hand: the others are not lost there.
const firstSeed = 1_000_000 + seed * 100_000;
const starts = Array.from({ length: Number(values.rollouts) }, (_, i) =>
  sampleStartPose(TASK, firstSeed + i),
);
const states = (await play(starts)).filter(({ outcome }) => outcome.maxReward >= 3);
const random = RandomStream.of(seed, 'offsets', 0);
const data = states.flatMap((state) => [
  { state, offset: [0, 0, 0], solved: state.outcome.success },
  ...Array.from({ length: Number(values.offsets) }, () => ({
    state,
    offset: [0, OFFSET_M * random.normal(), OFFSET_M * random.normal()],
  })),
]);
const tried = data.filter(({ solved }) => solved === undefined);
const outcomes = await branches(tried.map(({ state, offset }) => [state, offset]));
for (const [i, sample] of tried.entries()) sample.solved = outcomes[i];
const good = data.filter(({ solved }) => solved);
const bad = data.filter(({ solved }) => !solved);
console.log(`${states.length} states, ${good.length} chunks that succeed, ${bad.length} that fail`);

for (const [i, sample] of data.entries()) {
  const draw = RandomStream.of(seed, 'bootstrap', i);
  sample.heads = Array.from({ length: HEADS }, () => (draw.uniform() < BOOTSTRAP ? 1 : 0));
}
const steps = Number(values.steps);
for (let step = 0; step < steps; step++) {
  const draw = RandomStream.of(seed, 'batch', step);
  const pick = (list) => list[draw.below(list.length)];
  const samples = Array.from({ length: BATCH }, (_, i) => pick(i % 2 === 0 ? good : bad));
  const loss = await critic.train(
    await batchOf(samples),
    Float32Array.from(samples, ({ solved }) => (solved ? 0.5 : -0.5)),
    Float32Array.from(samples.flatMap(({ heads }) => heads)),
  );
  if ((step + 1) % 500 === 0) console.log(`critic step ${step + 1} of ${steps}: loss ${loss.toFixed(4)}`);
}

const offsets = [
  [0, 0, 0],
  ...RADII_M.flatMap((radius) =>
    Array.from({ length: DIRECTIONS }, (_, d) => {
      const angle = (2 * Math.PI * d) / DIRECTIONS;
      return [0, radius * Math.cos(angle), radius * Math.sin(angle)];
    }),
  ),
];
const pool = await play(readPool(values.pool, TASK).slice(0, Number(values.episodes)));
const before = pool.map(({ outcome }) => outcome.success);
const after = [...before];
const changed = [];
for (const [i, state] of pool.entries()) {
  const candidates = offsets
    .map((offset) => ({ state, offset }))
    .filter(({ offset }) => offsetChunk(played(state), 'right', offset));
  const q = await critic.judge(await batchOf(candidates));
  const scores = candidates.map((_, c) => {
    const heads = q.subarray(c * HEADS, (c + 1) * HEADS);
    const mean = heads.reduce((sum, value) => sum + value, 0) / HEADS;
    return mean - BETA * Math.sqrt(heads.reduce((sum, value) => sum + (value - mean) ** 2, 0) / HEADS);
  });
  const best = scores.indexOf(Math.max(...scores));
  if (scores[best] > scores[0] + MARGIN) changed.push([i, candidates[best].offset]);
}
const replayed = await branches(changed.map(([i, offset]) => [pool[i], offset]));
for (const [place, [i]] of changed.entries()) after[i] = replayed[place];
const count = (list) => list.filter(Boolean).length;
const won = after.filter((solved, i) => solved && !before[i]).length;
const lost = before.filter((solved, i) => solved && !after[i]).length;
const result = {
  policy: values.policy,
  pool: values.pool,
  poses: pool.length,
  trainingRollouts: starts.length,
  branches: tried.length,
  criticSteps: steps,
  changed: changed.length,
  before: { successes: count(before), clopperPearson95: clopperPearson(count(before), pool.length) },
  after: { successes: count(after), clopperPearson95: clopperPearson(count(after), pool.length) },
  won,
  lost,
  mcnemarTwoSided: exactMcnemar(won, lost).twoSided,
};
console.log(JSON.stringify(result, null, 2));
if (values.json) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
await farm.close();
await chunks.close();
await critic.close();
rmSync(folder, { recursive: true });

async function play(from) {
  return (await farm.play(from)).map((rollout, i) => ({ ...rollout, start: from[i] }));
}

/** Actions of the last chunk as it was played, to the end of the episode. */
function played({ path }) {
  const { action, steps: length } = readEpisode(path);
  return action.slice(last * DOF, length * DOF);
}

/** Observations of the last chunk's start; in place of actions what the offsets change of them. */
async function batchOf(samples) {
  const batch = await chunks.load(samples.map(({ state }) => ({ path: state.path, step: last })));
  const actions = new Float32Array(batch.actions.length);
  for (const [i, { state, offset }] of samples.entries()) {
    if (offset.every((value) => value === 0)) continue;
    state.difference ??= new Map();
    const key = offset.join();
    if (!state.difference.has(key)) {
      const own = played(state).subarray(0, config.chunkSize * DOF);
      const moved = offsetChunk(own, 'right', offset) ?? own;
      state.difference.set(
        key,
        moved.map((value, j) => value - own[j]),
      );
    }
    actions.set(state.difference.get(key), i * config.chunkSize * DOF);
  }
  return { ...batch, actions };
}

/** Whether each state, played on with the offset [m], succeeds. */
async function branches(list) {
  return succeeding(
    farm,
    list.map(([{ path, start }, offset]) =>
      branchesFrom(readEpisode(path), last, EPISODE_STEPS, start, 'candidate')('right', offset),
    ),
  );
}
