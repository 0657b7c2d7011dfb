// Physics of our insertion scene while the scripted expert works in it: steps of 2 ms per second and core.
//
//   node test/bench/physics.js [--python PATH] [--rounds 7] [--scene FILE.xml] [--json FILE]
//
// One worker, two workers at once and, with --python (one that has the mujoco package), native MuJoCo on the same
// scene under the same commands, one process and two at once, take turns, so that what else the machine does hits all
// of them: what two native processes gain over one is what the machine has to give. On a busy machine run
// it under `chrt --fifo 10`; it pauses between measurements.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { EPISODE_STEPS } from '#alohad/contract/task.js';
import { insertionExpert } from '#alohad/simulation/experts/insertion.js';
import { ownScene } from '#alohad/simulation/sceneFiles.js';
import { sampleStartPose } from '#alohad/simulation/startPoses.js';
import { World } from '#alohad/simulation/world.js';

const TASK = 'insertion';
const START = sampleStartPose(TASK, 0);
const SUBSTEPS = 10;
const PAUSE_MS = 500;

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Goals of a whole episode, (400, 14) row-major. */
function plan(world) {
  world.reset(START);
  const sample = world.newSample();
  world.observe(sample);
  const expert = insertionExpert();
  return Array.from({ length: EPISODE_STEPS }, (_, step) =>
    expert.decide({ ...sample, step, timeMs: 0 }).slice(),
  );
}

async function work({ scene }) {
  const world = await World.load({ task: TASK, scene });
  const goals = plan(world);
  parentPort.on('message', ({ judged }) => {
    world.reset(START);
    const began = performance.now();
    for (const goal of goals) {
      world.step(goal);
      if (judged) world.reward();
    }
    parentPort.postMessage({ ms: performance.now() - began, reward: world.reward() });
  });
  parentPort.postMessage('ready');
}

/** Commands of the whole episode as MuJoCo gets them, for the peer: (400, nu) row-major, after the start state. */
async function writeTrace(scene, path) {
  const world = await World.load({ task: TASK, scene });
  const goals = plan(world);
  world.reset(START);
  const rows = [...world.data.qpos, ...world.data.ctrl];
  for (const goal of goals) {
    world.step(goal);
    rows.push(...world.data.ctrl);
  }
  writeFileSync(path, Float64Array.from(rows));
  const end = Array.from(world.data.qpos);
  world.dispose();
  return end;
}

async function startNative(python, scene, trace) {
  const script = new URL('physicsPeer.py', import.meta.url).pathname;
  const child = spawn(python, [script, scene, trace], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { version } = JSON.parse((await lines.next()).value);
  return {
    version,
    async run() {
      child.stdin.write('\n');
      return JSON.parse((await lines.next()).value);
    },
    stop: () => child.kill(),
  };
}

async function main() {
  const { values } = parseArgs({
    options: {
      python: { type: 'string' },
      rounds: { type: 'string', default: '7' },
      scene: { type: 'string', default: ownScene(TASK) },
      json: { type: 'string' },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), 'alohad-bench-'));
  const trace = join(folder, 'trace.f64');
  const end = await writeTrace(values.scene, trace);
  const startPeer = () => startNative(values.python, values.scene, trace);
  const natives = values.python ? [await startPeer(), await startPeer()] : [];
  const workers = [0, 1].map(
    () => new Worker(new URL(import.meta.url), { workerData: { scene: values.scene } }),
  );
  await Promise.all(workers.map((worker) => once(worker, 'message')));

  const ask = async (worker, judged) => {
    worker.postMessage({ judged });
    return (await once(worker, 'message'))[0];
  };
  const steps = EPISODE_STEPS * SUBSTEPS;
  const rates = { one: [], judged: [], two: [], native: [], twoNative: [] };
  let difference;
  let reward;
  for (let round = -1; round < Number(values.rounds); round += 1) {
    const one = await ask(workers[0], false);
    await setTimeout(PAUSE_MS);
    const judged = await ask(workers[0], true);
    await setTimeout(PAUSE_MS);
    const both = await Promise.all(workers.map((worker) => ask(worker, false)));
    await setTimeout(PAUSE_MS);
    const peer = await natives[0]?.run();
    if (peer) await setTimeout(PAUSE_MS);
    const peers = await Promise.all(natives.map((native) => native.run()));
    if (peer) await setTimeout(PAUSE_MS);
    // The first round warms caches and compilers.
    if (round < 0) continue;
    rates.one.push((steps / one.ms) * 1000);
    rates.judged.push((steps / judged.ms) * 1000);
    rates.two.push(((2 * steps) / Math.max(...both.map(({ ms }) => ms))) * 1000);
    if (peer) {
      rates.native.push((steps / peer.ms) * 1000);
      rates.twoNative.push(((2 * steps) / Math.max(...peers.map(({ ms }) => ms))) * 1000);
      difference = Math.max(...peer.qpos.map((x, i) => Math.abs(x - end[i])));
    }
    ({ reward } = one);
  }
  for (const worker of workers) await worker.terminate();
  for (const native of natives) native.stop();
  rmSync(folder, { recursive: true });

  const one = median(rates.one);
  const result = {
    scene: values.scene,
    rounds: Number(values.rounds),
    finalReward: reward,
    stepsPerSecond: Math.round(one),
    stepsPerSecondWithRewards: Math.round(median(rates.judged)),
    twoWorkers: {
      stepsPerSecond: Math.round(median(rates.two)),
      overOne: Number((median(rates.two) / one).toFixed(2)),
    },
    ...(natives[0] && {
      native: {
        version: natives[0].version,
        stepsPerSecond: Math.round(median(rates.native)),
        twoProcessesOverOne: Number((median(rates.twoNative) / median(rates.native)).toFixed(2)),
        oursOverNative: Number((one / median(rates.native)).toFixed(2)),
        largestDifferenceOfFinalQpos: difference,
      },
    }),
  };
  console.log(JSON.stringify(result, null, 2));
  if (values.json) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
}

await (isMainThread ? main() : work(workerData));
