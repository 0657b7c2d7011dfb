// The report's tests of fine-tuning, from one start policy, each run on 250 VALID poses at its end.
//
//   node test/bench/finetuneTests.js --start FOLDER --demos FOLDER --runs FOLDER [--side 2] [--json FILE]
//
// Test 1: three training seeds, 500 roll-outs, algorithm 1 with reinforcement on and off, identical cloning batches.
// Test 2: algorithm 2, conservative, 1000 roll-outs, and its control: seed 1 of test 1's goes on to 1000.
// Runs and evaluations that are there already are not repeated and stopped ones are resumed, so it can be interrupted.
// `--side`: so many runs side by side, one thread and one world each.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, createWriteStream, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { exactMcnemar } from '#alohad/learning/evaluation/mcnemar.js';
import { clopperPearson } from '#alohad/learning/statistics.js';

const MAIN = new URL('../../dist/main.js', import.meta.url).pathname;
const SEEDS = [1, 2, 3];
/** Our expert inserts earlier than the published one; see the README. */
const SETTINGS = [
  'lastChunk=200',
  'evaluation={"every":500,"episodes":100}',
  'checkpointEvery=100',
  'cacheMegabytes=2000',
];

const { values } = parseArgs({
  options: {
    start: { type: 'string' },
    demos: { type: 'string' },
    count: { type: 'string', default: '60' },
    runs: { type: 'string' },
    side: { type: 'string', default: '2' },
    json: { type: 'string' },
  },
});
if (!values.start || !values.demos || !values.runs)
  throw new Error('give --start, --demos and --runs FOLDER');
const runs = resolve(values.runs);

const jobs = [
  () => onValid('start', values.start),
  ...SEEDS.flatMap((seed) => [
    () => study(`surrogate-${seed}`, 'surrogate', seed, 500),
    () => study(`none-${seed}`, 'none', seed, 500),
  ]),
  () => study('critic-1', 'chunk-critic', 1, 1000),
];
await Promise.all(
  Array.from({ length: Number(values.side) }, async () => {
    for (let job = jobs.shift(); job; job = jobs.shift()) await job();
  }),
);
await goOn('none-1', 'none-1-long');
await study('none-1-long', 'none', 1, 1000);

const paired = (name, other) => {
  const [a, b] = [solvedOf(name), solvedOf(other)];
  const won = a.filter((solved, i) => solved && !b[i]).length;
  const lost = b.filter((solved, i) => solved && !a[i]).length;
  return { against: other, won, lost, mcnemarTwoSided: exactMcnemar(won, lost).twoSided };
};
const row = (name, ...others) => {
  const { maxReward, finalReward } = outcome(name);
  const successes = solvedOf(name).filter(Boolean).length;
  const { low, high } = clopperPearson(successes, maxReward.length);
  return {
    run: name,
    successes,
    poses: maxReward.length,
    clopperPearson95: [low, high],
    rewardAtLeast: [1, 2, 3, 4].map((level) => maxReward.filter((reward) => reward >= level).length),
    finalReward4: finalReward.filter((reward) => reward === 4).length,
    paired: others.map((other) => paired(name, other)),
  };
};
const result = {
  start: row('start'),
  test1: SEEDS.flatMap((seed) => [
    row(`none-${seed}`, 'start'),
    row(`surrogate-${seed}`, 'start', `none-${seed}`),
  ]),
  test2: [row('none-1-long', 'start'), row('critic-1', 'start', 'none-1-long')],
};
console.log(JSON.stringify(result, null, 2));
if (values.json) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);

/** A run to its end, and its last weights on VALID. */
async function study(name, algorithm, seed, rollouts) {
  const out = join(runs, name);
  const done = existsSync(out) && checkpoints(out).at(-1) === `step_${String(rollouts).padStart(8, '0')}`;
  if (!done)
    await alohad(name, [
      ...`finetune --algorithm ${algorithm} --seed ${seed} --rollouts ${rollouts}`.split(' '),
      ...`--count ${values.count} --workers 1 --threads 1`.split(' '),
      '--policy',
      values.start,
      '--demos',
      values.demos,
      '--out',
      out,
      ...SETTINGS.flatMap((setting) => ['--set', setting]),
      ...(existsSync(out) ? ['--resume'] : []),
    ]);
  await onValid(name, join(out, 'checkpoints', checkpoints(out).at(-1)));
}

async function onValid(name, policy) {
  const json = validFile(name);
  if (existsSync(json)) return;
  const choice = ['--policy', policy, '--mode', 'chunk', '--poses', 'valid', '--pace', 'fast'];
  await alohad(`valid-${name}`, ['trial', ...choice, '--workers', '1', '--json', json]);
}

/** A copy of a run that goes on. Its log names its episodes by path. */
async function goOn(from, to) {
  const folder = join(runs, to);
  if (existsSync(folder)) return;
  cpSync(join(runs, from), folder, { recursive: true });
  const log = join(folder, 'rollouts.jsonl');
  writeFileSync(log, readFileSync(log, 'utf8').replaceAll(`/${from}/`, `/${to}/`));
}

async function alohad(name, args) {
  const log = createWriteStream(join(runs, `${name}.log`));
  const child = spawn(process.execPath, [MAIN, ...args]);
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${name} ended with ${code}; see ${name}.log in ${runs}`);
}

function checkpoints(out) {
  return readdirSync(join(out, 'checkpoints')).toSorted();
}

function validFile(name) {
  return join(runs, `valid-${name}.json`);
}

function outcome(name) {
  return JSON.parse(readFileSync(validFile(name), 'utf8'));
}

function solvedOf(name) {
  return outcome(name).maxReward.map((reward) => reward === 4);
}
