/**
 * What recording costs: four cameras of 640 x 480 MJPEG and the joints, 50 times a second, as captured. The processor
 * time of the same loop without recording is taken off.
 *
 *   node test/bench/recorder.js [--seconds 20] [--out FOLDER] [--json FILE]
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CAMERAS } from '../../dist/contract/camera.js';
import { DOF, newObservation } from '../../dist/contract/robot.js';
import { Recorder } from '../../dist/episodes/recorder.js';
import { verifyEpisode } from '../../dist/episodes/verifyEpisode.js';
import { FrameRing } from '../../dist/realtime/frameRing.js';
import { monotonicMs } from '../../dist/realtime/monotonic.js';
import { pictures } from './pictures.js';
import { BENCH_EPISODE } from './benchEpisode.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    out: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
  },
});
const PERIOD_MS = 20;
const steps = Math.round((Number(values.seconds) * 1000) / PERIOD_MS);
const folder = mkdtempSync(join(values.out, 'alohad-bench-'));
const rings = CAMERAS.map((camera, index) => ({
  camera,
  ring: FrameRing.allocate(),
  jpegs: pictures(20, index),
}));
const recorder = new Recorder({ captured: rings.map(({ camera, ring }) => ({ camera, ring })) });
const goal = new Float64Array(DOF);

/** The loop; returns processor time [ms] and how long its longest call of the recorder took. */
async function loop() {
  const before = process.cpuUsage();
  const beganMs = performance.now();
  let longestMs = 0;
  for (let number = 0; number < steps; number++) {
    const dueMs = beganMs + number * PERIOD_MS;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    for (const { ring, jpegs } of rings)
      ring.write(jpegs[number % jpegs.length], monotonicMs(), monotonicMs());
    const nowMs = performance.now();
    const observation = { ...newObservation(), step: number, timeMs: nowMs };
    recorder.onStep({ observation, action: goal, goal, reward: 0, beganMs: nowMs, lateMs: 0 });
    longestMs = Math.max(longestMs, performance.now() - nowMs);
  }
  const { user, system } = process.cpuUsage(before);
  return { cpuMs: (user + system) / 1000, wallMs: performance.now() - beganMs, longestMs };
}

try {
  const alone = await loop();
  await recorder.begin({ folder, name: 'bench', info: BENCH_EPISODE, realTime: true });
  const recording = await loop();
  const finishMs = performance.now();
  const { path, outcome } = await recorder.finish();
  const tookMs = performance.now() - finishMs;
  const { faults, images } = verifyEpisode(path);
  const result = {
    machine: `${cpus()[0].model}, ${cpus().length} cores, load ${loadavg()[0].toFixed(1)}`,
    seconds: recording.wallMs / 1000,
    steps: outcome.steps,
    images,
    dropped: recorder.dropped,
    faults,
    megabytesPerSecond: statSync(path).size / 1e6 / (recording.wallMs / 1000),
    jpegKilobytes: rings.map(({ jpegs }) => Math.round(jpegs[0].length / 1000)),
    writeCostOfOneCore: (recording.cpuMs - alone.cpuMs) / recording.wallMs,
    longestOnStepMs: recording.longestMs,
    finishMs: tookMs,
    rejected: outcome.rejected ?? null,
  };
  console.log(JSON.stringify(result, null, 2));
  if (values.json) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
} finally {
  await recorder.close();
  rmSync(folder, { recursive: true });
}
