// Latency of ACT inference as it is deployed: through the worker, copies included.
//
//   node test/bench/inference.js --policy FOLDER [--threads 1] [--runs 200]
//   node test/bench/inference.js [--threads 2] [--runs 10] [--peer NAME="COMMAND"]... [--fifo]
//
// Without --policy it is the paper's ACT, four cameras of 480 x 640, random weights. A peer is a command that does the
// same work: it prints one line of JSON when it is warm, then runs one inference for every line it reads and prints its
// milliseconds. Ours and the peers take turns, so that what else the machine does hits all of them; --fifo gives all
// of them real-time priority while they are measured, with pauses for the rest, where others must go on working.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { DOF } from '#alohad/contract/robot.js';
import { Graph } from '#alohad/network/graph.js';
import { loadCheckpoint } from '#alohad/policy/checkpoint.js';
import { InferenceClient } from '#alohad/policy/inferenceClient.js';
import { writeRandomCheckpoint } from './randomCheckpoint.js';

/** Multiplications and additions of one query of the paper's ACT at 4 x 480 x 640; source: facts/inference.md. */
const FULL_GFLOP = 145;
const GEMM_SIZE = 2048;
/** Real-time threads may use 95 % of each second; a pause keeps the measured runs clear of that. */
const PAUSE_MS = 800;

const { values } = parseArgs({
  options: {
    policy: { type: 'string' },
    threads: { type: 'string' },
    runs: { type: 'string' },
    peer: { type: 'string', multiple: true, default: [] },
    fifo: { type: 'boolean', default: false },
  },
});
const full = values.policy === undefined;
const threads = Number(values.threads ?? (full ? 2 : 1));
const runs = Number(values.runs ?? (full ? 10 : 200));

const percentile = (sorted, fraction) => sorted[Math.ceil(fraction * sorted.length) - 1];
const contestants = [await ours()];
for (const peer of values.peer) contestants.push(await startPeer(peer));
const gemm = full ? await gemmProbe() : undefined;
if (values.fifo)
  for (const { pid } of contestants) spawnSync('chrt', ['--all-tasks', '--fifo', '--pid', '10', `${pid}`]);

const times = contestants.map(() => []);
for (let run = 0; run < runs; run++) {
  for (const [index, { infer }] of contestants.entries()) {
    if (values.fifo) await setTimeout(PAUSE_MS);
    times[index].push(await infer());
  }
  if (values.fifo) await setTimeout(PAUSE_MS);
  await gemm?.run();
}

const results = contestants.map(({ name, note }, index) => {
  const sorted = times[index].toSorted((a, b) => a - b);
  return {
    name,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    maxMs: sorted.at(-1),
    note,
  };
});
for (const { name, p50Ms, p99Ms, maxMs, note } of results) {
  const ratio = (p50Ms / results[0].p50Ms).toFixed(2);
  console.log(
    `${name.padEnd(24)} p50 ${p50Ms.toFixed(1)}  p99 ${p99Ms.toFixed(1)}  max ${maxMs.toFixed(1)} ms  x${ratio}  ${note}`,
  );
}
if (gemm) {
  const peak = gemm.best();
  const floorMs = (FULL_GFLOP / peak) * 1000;
  const share = (floorMs / results[0].p50Ms) * 100;
  console.log(
    `GEMM peak ${peak.toFixed(0)} GFLOP/s, so ${floorMs.toFixed(0)} ms at best: ours is at ${share.toFixed(0)} % of it`,
  );
}
for (const { close } of contestants) await close();

async function ours() {
  const folder = values.policy ?? (await writeRandomCheckpoint({}));
  const checkpoint = await loadCheckpoint(folder);
  const client = await InferenceClient.start(checkpoint, { threads, timeoutMs: 60_000 });
  const qpos = new Float64Array(DOF);
  const state = new Float64Array(checkpoint.manifest.environmentStateSize);
  for (const image of client.images) image.forEach((_, index) => (image[index] = Math.random() * 256));
  return {
    pid: process.pid,
    name: `alohad ${checkpoint.manifest.name}`,
    note: `(${threads} threads, loaded in ${client.loadMs.toFixed(0)} ms)`,
    infer: async () => {
      client.submit(0, qpos, state);
      return client.wait().latencyMs;
    },
    close: async () => {
      await client.close();
      if (full) await rm(folder, { recursive: true });
    },
  };
}

async function startPeer(option) {
  const [name, command] = [option.slice(0, option.indexOf('=')), option.slice(option.indexOf('=') + 1)];
  const child = spawn('sh', ['-c', `exec ${command}`], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const note = (await lines.next()).value;
  return {
    pid: child.pid,
    name,
    note,
    infer: async () => {
      child.stdin.write('run\n');
      return Number((await lines.next()).value);
    },
    close: async () => {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

/** Large float32 matrix products with the same library and threads, a few per round; the best one counts [GFLOP/s]. */
async function gemmProbe() {
  const graph = new Graph();
  const shape = [GEMM_SIZE, GEMM_SIZE];
  const data = Float32Array.from({ length: GEMM_SIZE ** 2 }, () => Math.random());
  const product = graph.node('MatMul', [graph.input('a', shape), graph.constant(data, shape)], shape);
  const session = await InferenceSession.create(graph.encode({ product }), { intraOpNumThreads: threads });
  const feeds = { a: new Tensor('float32', data, shape) };
  let bestMs = Infinity;
  return {
    run: async () => {
      for (let n = 0; n < 3; n++) {
        const beganMs = performance.now();
        await session.run(feeds);
        bestMs = Math.min(bestMs, performance.now() - beganMs);
      }
    },
    best: () => (2 * GEMM_SIZE ** 3) / bestMs / 1e6,
  };
}
