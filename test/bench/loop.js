// Lateness of the 50 Hz loop in real time, simulated arms, with and without ACT inference running beside it.
//
//   node test/bench/loop.js [--seconds 20] [--policy FOLDER] [--threads 1] [--finetune="ARGUMENTS"]
//
// Without --policy the ACT has four cameras of 120 x 160 and random weights: one core is busy with it all the time.
// Each line is a control thread of its own. With --finetune two more are measured while `alohad finetune --background
// ARGUMENTS` plays and learns beside them, once it has begun with its roll-outs.
import { spawn } from 'node:child_process';
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
      finetune: { type: 'string' },
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
  for (const scenario of scenarios) await measure(scenario, common);
  if (values.finetune !== undefined) {
    const learner = await startFinetune(values.finetune);
    await measure({ label: 'beside a fine-tune', inference: true, fifo: true }, common);
    await measure({ label: 'the same, no FIFO', inference: true, fifo: false }, common);
    const alive = learner.exitCode === null;
    learner.kill('SIGINT');
    await once(learner, 'exit');
    if (!alive) throw new Error('the fine-tune ended before the measurement did: give it more roll-outs');
  }
  if (values.policy === undefined) await rm(folder, { recursive: true });
}

async function measure(scenario, common) {
  const thread = new Worker(new URL(import.meta.url), { workerData: { ...common, ...scenario } });
  const [result] = await once(thread, 'message');
  await thread.terminate();
  report(scenario, result);
}

/** Ready once it has played its first roll-outs. */
async function startFinetune(text) {
  const main = new URL('../../dist/main.js', import.meta.url).pathname;
  // A session of its own, as a service or another terminal has it.
  const child = spawn('node', [main, 'finetune', '--background', ...text.split(' ')], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = [];
  await new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        said.push(data);
        if (/finetune [1-9]\d* %/.test(String(data))) resolve();
      });
    child.once('exit', () => reject(new Error(`the fine-tune ended: ${said.join('')}`)));
  });
  return child;
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
