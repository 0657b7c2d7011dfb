// Lateness of the 50 Hz loop in real time, simulated arms, with and without ACT inference running beside it.
//
//   node test/bench/loop.js [--seconds 20] [--policy FOLDER] [--threads 1]
//
// Without --policy the ACT has four cameras of 120 x 160 and random weights: one core is busy with it all the time.
// Each line is a control thread of its own; "background" asks a second client back to back, besides the loop's own.
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { CONTROL_PERIOD_S } from '#alohad/contract/robot.js';
import { run } from '#alohad/control/loop.js';
import { withRobot } from '#alohad/control/modes.js';
import { ActSource } from '#alohad/policy/actSource.js';
import { loadCheckpoint } from '#alohad/policy/checkpoint.js';
import { InferenceClient } from '#alohad/policy/inferenceClient.js';
import { ReplaySource } from '#alohad/policy/replaySource.js';
import { RealTimeClock } from '#alohad/realtime/clock.js';
import { requestFifo } from '#alohad/realtime/fifo.js';
import { SimRobot } from '#alohad/simulation/simRobot.js';
import { sampleStartPose } from '#alohad/simulation/startPoses.js';
import { writeRandomCheckpoint } from './randomCheckpoint.js';

if (isMainThread) await compare();
else parentPort.postMessage(await drive(workerData));

async function compare() {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '20' },
      policy: { type: 'string' },
      threads: { type: 'string', default: '1' },
    },
  });
  const folder = values.policy ?? (await writeRandomCheckpoint({ width: 160, height: 120 }));
  const common = {
    folder,
    threads: Number(values.threads),
    steps: Number(values.seconds) / CONTROL_PERIOD_S,
  };
  const scenarios = [
    { label: 'no inference', inference: false, fifo: true },
    { label: 'ACT in the loop', inference: true, fifo: true },
    { label: 'the same, no FIFO', inference: true, fifo: false },
  ];
  for (const scenario of scenarios) {
    const thread = new Worker(new URL(import.meta.url), { workerData: { ...common, ...scenario } });
    const [result] = await once(thread, 'message');
    await thread.terminate();
    report(scenario, result);
  }
  if (values.policy === undefined) await rm(folder, { recursive: true });
}

function report({ label, fifo }, { timing, fifoGranted, latency, clamped, wallMs }) {
  const ms = ({ p50Ms, p99Ms, maxMs }) => [p50Ms, p99Ms, maxMs].map((x) => x.toFixed(2)).join(' / ');
  console.log(
    `${label.padEnd(20)} ${fifo ? (fifoGranted ? 'FIFO' : 'FIFO refused') : 'ordinary'}\n` +
      `  late ms p50/p99/max ${ms(timing.late)}   missed ${timing.missed} of ${timing.late.count}\n` +
      `  tick work ms ${ms(timing.busy)}` +
      (latency
        ? `\n  inference ms ${ms(latency)}, ${latency.count} chunks, busy ${((100 * latency.count * latency.meanMs) / wallMs).toFixed(0)} % of the time`
        : '') +
      (clamped > 0 ? `\n  limited joint goals: ${clamped}` : ''),
  );
}

async function drive({ folder, threads, steps, inference, fifo }) {
  const fifoGranted = fifo && requestFifo().granted;
  const robot = new SimRobot({ task: 'insertion' });
  return withRobot(robot, async (modes) => {
    robot.reset(sampleStartPose('insertion', 1));
    let source = new ReplaySource(new Float64Array(0)); // Never says anything: the arms hold.
    let client;
    if (inference) {
      const checkpoint = await loadCheckpoint(folder);
      client = await InferenceClient.start(checkpoint, { threads });
      source = new ActSource(checkpoint.manifest, client, robot.images, {
        mode: 'ensemble',
        pace: 'realtime',
      });
    }
    const clock = new RealTimeClock(CONTROL_PERIOD_S * 1000);
    const beganMs = performance.now();
    const outcome = await modes.during('active', () => run({ robot, source, clock, steps, judge: robot }));
    const wallMs = performance.now() - beganMs;
    await source.close();
    return {
      timing: outcome.timing,
      fifoGranted,
      latency: client?.latency.summary(),
      clamped: outcome.clampedTicks.reduce((sum, n) => sum + n, 0),
      wallMs,
    };
  });
}
