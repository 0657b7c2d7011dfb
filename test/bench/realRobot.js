/**
 * The robot's whole load in one process: four servo buses, four cameras, recording, at 50 Hz. The emulated servos are a
 * process of their own, as real ones are none of this machine's work. Leaders lead followers, who also draw slow circles,
 * in takes of 20 s that are recorded, verified and thrown away.
 *
 *   node test/bench/realRobot.js [--minutes 1] [--cameras file|test] [--fifo] [--out FOLDER] [--json FILE]
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadArmProfile, loadGripper } from '../../dist/config/armFiles.js';
import { CAMERAS } from '../../dist/contract/camera.js';
import { ARMS } from '../../dist/contract/robot.js';
import { Limits } from '../../dist/control/limits.js';
import { ControlSession } from '../../dist/control/session.js';
import { Teleoperation } from '../../dist/control/teleoperation.js';
import { decodeRequested } from '../../dist/daemon/jpegDecoder.js';
import { Recorder } from '../../dist/episodes/recorder.js';
import { verifyEpisode } from '../../dist/episodes/verifyEpisode.js';
import { AlohaRobot } from '../../dist/hardware/alohaRobot.js';
import { Webcams } from '../../dist/hardware/webcam/webcams.js';
import { RealTimeClock } from '../../dist/realtime/clock.js';
import { requestFifo } from '../../dist/realtime/fifo.js';
import { TimingHistogram } from '../../dist/realtime/timingHistogram.js';
import { BENCH_EPISODE } from './benchEpisode.js';
import { pictures, SIZE } from './pictures.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    cameras: { type: 'string', default: 'file' },
    fifo: { type: 'boolean', default: false },
    out: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
  },
});
const FPS = 50;
const TAKE_STEPS = 1000;
const takes = Math.max(1, Math.round((Number(values.minutes) * 60 * 50) / TAKE_STEPS));
const NEVER = { aborted: false };
const folder = mkdtempSync(join(values.out, 'alohad-bench-'));

const buses = ['follower', 'leader'].flatMap((role) =>
  ARMS.map((arm) => ({
    role,
    name: `${role}_${arm}`,
    path: join(folder, `${role}_${arm}`),
    profile: role === 'follower' ? 'vx300s' : 'wx250s',
  })),
);

async function emulate() {
  const rig = join(folder, 'rig.yaml');
  const lines = buses.map(({ name, path, profile }) => `  ${name}: { port: ${path}, arm: ${profile} }`);
  writeFileSync(rig, `buses:\n${lines.join('\n')}\n`);
  const child = spawn(process.execPath, ['dist/main.js', 'emulate', '--rig', rig], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.on('data', resolve));
  return child;
}

const robotOf = (role) =>
  new AlohaRobot({
    backend: 'emulated',
    arms: buses
      .filter((bus) => bus.role === role)
      .map(({ name, path, profile }) => ({
        name,
        path,
        profile: loadArmProfile(profile),
        gripper: loadGripper('aloha', role),
        slackMs: 30,
        watchdogMs: 2000,
      })),
  });

const cameraOrigin = (index) => {
  if (values.cameras === 'test') return { kind: 'test', filter: 'testsrc2' };
  const path = join(folder, `camera${index}.mjpeg`);
  writeFileSync(path, Buffer.concat(pictures(50, index)));
  return { kind: 'file', path };
};

/** Processor time of another process so far [ms]. */
function processorMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
/** Processes that any thread of this one has started. */
const children = (except) =>
  readdirSync('/proc/self/task')
    .flatMap((thread) => readFileSync(`/proc/self/task/${thread}/children`, 'utf8').trim().split(' '))
    .filter((pid) => pid !== '' && Number(pid) !== except);
const memory = () => process.memoryUsage().rss / 1e6;

const emulator = await emulate();
const specs = CAMERAS.map((name, index) => ({ name, origin: cameraOrigin(index), ...SIZE, fps: FPS }));
const webcams = await Webcams.open(specs, { decode: decodeRequested });
const faults = [];
webcams.listen(({ camera, state, message }) => faults.push(`${camera} ${state} ${message}`));
const leaders = robotOf('leader');
const followers = robotOf('follower');
const recorder = new Recorder({
  captured: CAMERAS.map((camera) => ({ camera, ring: webcams.ring(camera) })),
});
const late = new TimingHistogram();
const session = new ControlSession({
  robot: followers,
  clock: new RealTimeClock(20),
  limits: new Limits(),
  listeners: [],
  stop: NEVER,
  onStopped: () => {},
  onMode: () => {},
});
const following = new Teleoperation(leaders);
/** Leaders stand, as nobody holds them: a slow circle is added to what they say. */
const circling = {
  name: 'circling',
  reset: () => following.reset(),
  decide: (observation) => {
    const action = following.decide(observation);
    const phase = (observation.step % TAKE_STEPS) / 100;
    for (const base of [0, 7]) action[base] += 0.15 * (1 - Math.cos(phase));
    return action;
  },
  close: async () => {},
};
const rows = [];
if (values.fifo) console.log(requestFifo());
try {
  await Promise.all([leaders.connect(), session.connect()]);
  await session.activate();
  for (let take = 0; take < takes; take++) {
    followers.countFromZero();
    await recorder.begin({ folder, name: `take${take}`, info: BENCH_EPISODE, realTime: true });
    const cpu = process.cpuUsage();
    const others = children(emulator.pid).map((pid) => [pid, processorMs(pid)]);
    const beganMs = performance.now();
    const outcome = await session.episode({
      source: circling,
      steps: TAKE_STEPS,
      listeners: [recorder, { onStep: ({ lateMs }) => late.record(lateMs) }],
      signal: NEVER,
    });
    const wallMs = performance.now() - beganMs;
    const { user, system } = process.cpuUsage(cpu);
    const ffmpegMs = others.reduce((sum, [pid, before]) => sum + processorMs(pid) - before, 0);
    const endMs = performance.now();
    const { path, outcome: recorded } = await recorder.finish();
    const gapMs = performance.now() - endMs;
    const verified = verifyEpisode(path);
    rows.push({
      rateHz: recorded.quality.rateHz,
      lateP99Ms: outcome.timing.late.p99Ms,
      busyP99Ms: outcome.timing.busy.p99Ms,
      missed: outcome.timing.missed,
      processOfOneCore: (user + system) / 1000 / wallMs,
      ffmpegOfOneCore: ffmpegMs / wallMs,
      memoryMb: memory(),
      frames: verified.images,
      dropped: recorder.dropped,
      faults: verified.faults,
      rejected: recorded.rejected ?? null,
      finishMs: gapMs,
      megabytes: statSync(path).size / 1e6,
    });
    const { rateHz, lateP99Ms, missed, processOfOneCore, memoryMb } = rows.at(-1);
    console.log(
      `take ${take + 1} of ${takes}: ${rateHz.toFixed(2)} Hz, late p99 ${lateP99Ms.toFixed(2)} ms, missed ${missed}, ` +
        `${(100 * processOfOneCore).toFixed(0)} % of a core, ${memoryMb.toFixed(0)} MB, dropped ${JSON.stringify(recorder.dropped)}`,
    );
    rmSync(path);
  }
  const mean = (key) => rows.reduce((sum, row) => sum + row[key], 0) / rows.length;
  const { p50Ms, p99Ms, maxMs } = late.summary();
  const result = {
    machine: `${cpus()[0].model}, ${cpus().length} cores, load ${loadavg()[0].toFixed(1)}`,
    minutes: (takes * TAKE_STEPS * 0.02) / 60,
    cameras: values.cameras,
    fifo: values.fifo,
    rateHz: mean('rateHz'),
    late: { p50Ms, p99Ms, maxMs },
    missed: rows.reduce((sum, { missed }) => sum + missed, 0),
    processOfOneCore: mean('processOfOneCore'),
    ffmpegOfOneCore: mean('ffmpegOfOneCore'),
    memoryMb: { first: rows[0].memoryMb, last: rows.at(-1).memoryMb },
    droppedImages: rows.reduce((sum, { dropped }) => sum + dropped.images, 0),
    droppedSteps: rows.reduce((sum, { dropped }) => sum + dropped.steps, 0),
    cameraFaults: faults,
    takes: rows,
  };
  console.log(JSON.stringify({ ...result, takes: rows.length }, null, 2));
  if (values.json) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
} finally {
  await session.release();
  await leaders.disconnect();
  await recorder.close();
  await webcams.close();
  emulator.kill('SIGINT');
  await new Promise((resolve) => emulator.once('close', resolve));
  rmSync(folder, { recursive: true });
}
