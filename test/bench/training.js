// One training step of ACT (losses, gradients, AdamW), against peers that do the same step.
//
//   node test/bench/training.js [--case state-only]... [--threads 2] [--runs 10] [--peer NAME="COMMAND"]...
//   for instance --peer torch="PYTHON test/bench/trainingPeer.py"
//
// A peer is a command that gets the configuration as one JSON argument (`ActConfig` with `batchSize`, `threads` and
// `cachedFeatures` beside it): it prints one line when it is warm, then runs one step for every line it reads and
// prints its wall time and processor time [ms]. Ours and the peers take turns, so that what else the machine does
// hits all of them; on a busy machine `--threads 1` and the processor times are what can be compared.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { paperConfig } from '#alohad/network/actConfig.js';
import { ActTrainer } from '#alohad/network/actTrainer.js';
import { RandomStream } from '#alohad/network/random.js';

const statistics = (size) => ({ mean: Array(size).fill(0), std: Array(size).fill(1) });
const normalisation = { qpos: statistics(14), action: statistics(14), environmentState: statistics(14) };
const cameras = (count, width, height) => Array.from({ length: count }, () => ({ width, height }));
const reduced = {
  ...paperConfig(cameras(4, 160, 120), normalisation),
  dModel: 256,
  feedForward: 1024,
};

/** The cases of facts/engine.md, all with batch 8. */
const CASES = {
  'state-only': { ...reduced, cameras: [], environmentStateSize: 14 },
  cached: { ...reduced, cachedFeatures: true },
  reduced,
  full: paperConfig(cameras(3, 640, 480), normalisation),
};
const BATCH = 8;

const { values } = parseArgs({
  options: {
    case: { type: 'string', multiple: true, default: ['state-only', 'cached', 'reduced'] },
    threads: { type: 'string', default: '2' },
    runs: { type: 'string', default: '10' },
    peer: { type: 'string', multiple: true, default: [] },
  },
});
const threads = Number(values.threads);
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

for (const name of values.case) {
  const { cachedFeatures = false, ...config } = CASES[name];
  const contestants = [await ours(config, cachedFeatures)];
  for (const peer of values.peer)
    contestants.push(await startPeer(peer, { ...config, cachedFeatures, batchSize: BATCH, threads }));
  const times = contestants.map(() => []);
  for (let run = 0; run < Number(values.runs); run++)
    for (const [index, { step }] of contestants.entries()) times[index].push(await step());
  const [wall, processor] = [0, 1].map((i) => times.map((list) => median(list.map((pair) => pair[i]))));
  for (const [i, contestant] of contestants.entries()) {
    const ratio = `ours / this ${(wall[0] / wall[i]).toFixed(2)} wall, ${(processor[0] / processor[i]).toFixed(2)} processor`;
    console.log(
      `${name.padEnd(12)} ${contestant.name.padEnd(12)} ${wall[i].toFixed(0)} ms, processor ${processor[i].toFixed(0)} ms  ${ratio}  ${contestant.note}`,
    );
    await contestant.close();
  }
}

async function ours(config, cachedFeatures) {
  const trainer = await ActTrainer.create({
    config,
    cachedFeatures,
    batchSize: BATCH,
    seed: 1,
    threads,
    groups: [{ prefix: '', learningRate: 1e-5, weightDecay: 1e-4 }],
    optimizer: { betas: [0.9, 0.999], epsilon: 1e-8 },
    emaDecay: 0.999,
  });
  const random = new RandomStream(1, 'batch');
  const uniform = (length) => Float32Array.from({ length }, () => random.uniform());
  const batch = {
    qpos: uniform(BATCH * 14),
    images: trainer.imageShapes.map(([...shape]) => {
      const length = shape.reduce((product, size) => product * size, 1);
      return cachedFeatures ? uniform(length) : Uint8Array.from({ length }, () => 256 * random.uniform());
    }),
    environmentState: uniform(BATCH * config.environmentStateSize),
    actions: uniform(BATCH * config.chunkSize * 14),
    isPad: new Uint8Array(BATCH * config.chunkSize),
    noise: uniform(BATCH * config.latentSize),
  };
  await trainer.train([batch, batch]);
  const parameters = trainer.learner.slots.reduce((sum, { size }) => sum + size, 0);
  return {
    name: 'alohad',
    get note() {
      return `${(parameters / 1e6).toFixed(1)} M parameters trained, resident ${(process.memoryUsage.rss() / 1e9).toFixed(2)} GB`;
    },
    step: async () => {
      const [beganMs, used] = [performance.now(), process.cpuUsage()];
      await trainer.train([batch]);
      const { user, system } = process.cpuUsage(used);
      return [performance.now() - beganMs, (user + system) / 1000];
    },
    close: () => trainer.close(),
  };
}

async function startPeer(option, configuration) {
  const [name, command] = [option.slice(0, option.indexOf('=')), option.slice(option.indexOf('=') + 1)];
  const child = spawn('sh', ['-c', `exec ${command} "$0"`, JSON.stringify(configuration)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const note = (await lines.next()).value;
  return {
    name,
    note,
    step: async () => {
      child.stdin.write('step\n');
      return (await lines.next()).value.split(' ').map(Number);
    },
    close: async () => {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}
