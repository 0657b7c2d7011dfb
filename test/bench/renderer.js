// Four cameras and physics at 640 x 480, control steps per second, against Python MuJoCo's own software renderer.
//
//   node test/bench/renderer.js [--python PATH] [--scene FILE.xml] [--rounds 7] [--json FILE]
//
// Our insertion scene, and with --scene (or ALOHAD_MESH_SCENE) another one, such as the public ALOHA scene with its full
// meshes. PATH (or ALOHAD_PEER_PYTHON) is a Python that has the mujoco package; it draws without shadows, reflections
// and multisampling, through EGL where MUJOCO_GL does not say otherwise. Both walk through the same expert's episode
// and take turns, so that what else the machine does hits both. On a busy machine run it under `chrt --fifo 10`; it
// pauses between measurements. Then the price of sizes and options, ours alone.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { CAMERAS, imageBytes } from '#alohad/contract/camera.js';
import { EPISODE_STEPS } from '#alohad/contract/task.js';
import { insertionExpert } from '#alohad/simulation/experts/insertion.js';
import { Renderer } from '#alohad/simulation/render/renderer.js';
import { ownScene } from '#alohad/simulation/sceneFiles.js';
import { sampleStartPose } from '#alohad/simulation/startPoses.js';
import { World } from '#alohad/simulation/world.js';

const TASK = 'insertion';
const START = sampleStartPose(TASK, 0);
/** Control steps of one measurement, spread over the episode. */
const STEPS = 20;
const PAUSE_MS = 600;
const SIZES = [
  [640, 480],
  [320, 240],
  [160, 120],
  [128, 96],
];

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Our side: walks through the episode and draws all cameras after each step. */
class Ours {
  static async load(scene) {
    const world = await World.load({ task: TASK, scene });
    return new Ours(world);
  }

  constructor(world) {
    this.world = world;
    this.renderer = Renderer.create(world.mujoco, world.model, { supersample: false });
    this.goals = this.#plan();
  }

  #plan() {
    this.world.reset(START);
    const sample = this.world.newSample();
    this.world.observe(sample);
    const expert = insertionExpert();
    return Array.from({ length: EPISODE_STEPS }, (_, step) =>
      expert.decide({ ...sample, step, timeMs: 0 }).slice(),
    ).filter((_, step) => step % (EPISODE_STEPS / STEPS) === 0);
  }

  /** Start state and commands as MuJoCo gets them: qpos, ctrl, then (STEPS, nu). */
  trace() {
    this.world.reset(START);
    const { data } = this.world;
    const rows = [...data.qpos, ...data.ctrl];
    for (const goal of this.goals) {
      this.world.step(goal);
      rows.push(...data.ctrl);
    }
    return Float64Array.from(rows);
  }

  /** Milliseconds of the whole walk, and the mean of the last pictures. */
  run(renderer = this.renderer, width = 640, height = 480) {
    const { world, goals } = this;
    const requests = CAMERAS.map((camera) => ({ camera: world.cameraName(camera), width, height }));
    const pictures = requests.map((request) => new Uint8Array(imageBytes(request)));
    world.reset(START);
    const began = performance.now();
    const cpu = process.cpuUsage();
    let drawingMs = 0;
    for (const goal of goals) {
      world.step(goal);
      const start = performance.now();
      requests.forEach((request, i) => renderer.render(world.data, request, pictures[i]));
      drawingMs += performance.now() - start;
    }
    const { user, system } = process.cpuUsage(cpu);
    return {
      ms: performance.now() - began,
      cpuMs: (user + system) / 1000,
      imageMs: drawingMs / (goals.length * CAMERAS.length),
      means: pictures.map((rgb) => rgb.reduce((sum, value) => sum + value, 0) / rgb.length),
    };
  }
}

async function startPeer(python, scene, ours) {
  const folder = mkdtempSync(join(tmpdir(), 'alohad-bench-'));
  const trace = join(folder, 'trace.f64');
  writeFileSync(trace, ours.trace());
  const cameras = CAMERAS.map((camera) => ours.world.cameraName(camera));
  const script = new URL('rendererPeer.py', import.meta.url).pathname;
  const child = spawn(python, [script, scene, trace, ...cameras], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { MUJOCO_GL: 'egl', ...process.env },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done)
      throw new Error(`${python} ${script} stopped; does it have mujoco and a software OpenGL (libegl1)?`);
    return JSON.parse(value);
  };
  const { version, backend } = await next();
  return {
    name: `Python MuJoCo ${version}, ${backend}`,
    async run() {
      child.stdin.write('\n');
      return next();
    },
    stop() {
      child.kill();
      rmSync(folder, { recursive: true });
    },
  };
}

async function compare(label, scene, python, rounds) {
  const ours = await Ours.load(scene);
  const peer = python && (await startPeer(python, scene, ours));
  const rates = { ours: [], peer: [] };
  const cpuRatios = [];
  let difference;
  for (let round = -1; round < rounds; round++) {
    const mine = ours.run();
    await setTimeout(PAUSE_MS);
    const theirs = peer && (await peer.run());
    if (peer) await setTimeout(PAUSE_MS);
    if (round < 0) continue; // warms caches and compilers
    rates.ours.push((1000 * STEPS) / mine.ms);
    if (!theirs) continue;
    rates.peer.push((1000 * STEPS) / theirs.ms);
    cpuRatios.push(theirs.cpuMs / mine.cpuMs);
    difference = Math.max(...mine.means.map((mean, i) => Math.abs(mean - theirs.means[i])));
  }
  peer?.stop();
  const result = { scene: label, controlStepsPerS: median(rates.ours) };
  if (peer) {
    const ratios = rates.ours.map((rate, i) => rate / rates.peer[i]);
    Object.assign(result, {
      peer: peer.name,
      peerControlStepsPerS: median(rates.peer),
      ratio: median(ratios),
      ratioLow: Math.min(...ratios),
      ratioHigh: Math.max(...ratios),
      /** Of processor time: the peer's OpenGL uses all cores, ours one. */
      cpuRatio: median(cpuRatios),
      /** Of the four pictures' mean brightness at the end (0..255): both drew the same. */
      brightnessDifference: difference,
    });
  }
  console.log(
    `${label}: ${result.controlStepsPerS.toFixed(0)} control steps/s with four cameras at 640 x 480` +
      (peer
        ? `, ${result.peer}: ${result.peerControlStepsPerS.toFixed(1)}, ratio ${result.ratio.toFixed(1)} ` +
          `(${result.ratioLow.toFixed(1)} to ${result.ratioHigh.toFixed(1)}), of processor time ${result.cpuRatio.toFixed(1)}, brightness apart by ${difference.toFixed(2)}`
        : ''),
  );
  return { ...result, prices: await prices(ours) };
}

/** Milliseconds per image for each size and option. */
async function prices(ours) {
  const { world } = ours;
  const options = {
    plain: { supersample: false },
    supersample: { supersample: true },
    shadows: { supersample: false, shadows: true },
    both: { supersample: true, shadows: true },
  };
  const renderers = Object.entries(options).map(([name, option]) => [
    name,
    Renderer.create(world.mujoco, world.model, option),
  ]);
  const table = [];
  for (const [width, height] of SIZES) {
    const times = renderers.map(() => []);
    for (let round = 0; round < 5; round++) {
      for (const [i, [, renderer]] of renderers.entries()) {
        times[i].push(ours.run(renderer, width, height).imageMs);
      }
      await setTimeout(PAUSE_MS);
    }
    const row = Object.fromEntries(renderers.map(([name], i) => [name, Math.min(...times[i])]));
    table.push({ size: `${width} x ${height}`, ...row });
    const cells = Object.entries(row).map(([name, ms]) => `${name} ${ms.toFixed(2)}`);
    console.log(`  ${width} x ${height}, ms per image: ${cells.join(', ')}`);
  }
  return table;
}

const { values } = parseArgs({
  options: {
    python: { type: 'string', default: process.env.ALOHAD_PEER_PYTHON },
    scene: { type: 'string', default: process.env.ALOHAD_MESH_SCENE },
    rounds: { type: 'string', default: '7' },
    json: { type: 'string' },
  },
});
if (!values.python)
  console.log('no peer: give --python PATH or ALOHAD_PEER_PYTHON, a Python with the mujoco package');
if (!values.scene) console.log('no full meshes: give --scene FILE.xml or ALOHAD_MESH_SCENE');
const results = [await compare('primitives', ownScene(TASK), values.python, Number(values.rounds))];
if (values.scene) results.push(await compare('meshes', values.scene, values.python, Number(values.rounds)));
if (values.scene && values.python) {
  const ratio = results[0].controlStepsPerS / results[1].peerControlStepsPerS;
  console.log(`our primitives against the peer on the full meshes: ${ratio.toFixed(1)}`);
}
if (values.json) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
