/** Thread entry: drives one robot through the episodes of a ControlJob, and posts what happens. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Step, StepListener } from '../contract/step.js';
import { describeFollowing, Following } from '../control/following.js';
import { requestFifo } from '../realtime/fifo.js';
import { TimingHistogram } from '../realtime/timingHistogram.js';
import type { ControlJob, ControlMessage } from './controlJob.js';
import { EpisodeRecording } from './episodeRecording.js';
import { FrameTap } from './frameTap.js';
import { failedMessage } from './remoteError.js';
import { createSource } from './sources.js';
import { StepTrace } from './stepTrace.js';
import { clockOf, withWorkcell } from './withWorkcell.js';

/** Steps between progress messages: four a second in real time. */
const PROGRESS_STEPS = 12;

const port = parentPort!;
const post = (message: ControlMessage, transfer: ArrayBuffer[] = []): void => {
  port.postMessage(message, transfer);
};

const say = (text: string): void => post({ kind: 'warning', text });

/** Returns once everything is closed: an inference cut off in the middle would take the process with it. */
async function control(
  job: ControlJob,
  signal: AbortSignal,
): Promise<Extract<ControlMessage, { kind: 'done' }>> {
  const late = new TimingHistogram();
  let missed = 0;
  let ticks = 0;
  let interrupted = false;
  if (job.pace === 'realtime') warnWithoutFifo();
  const onListenerError = (_: StepListener, error: unknown): void => {
    say(`a listener failed and was detached: ${String(error)}`);
  };

  return await withWorkcell(
    { ...job, shake: job.shakeRad ?? 0, say, onListenerError },
    async (cell, session) => {
      const { robot, judge, physics } = cell;
      const source = await createSource(job, robot.images, say);
      const recording = job.record && new EpisodeRecording(job, job.record, cell, source.actions.name);
      const pace = clockOf(job.pace);
      const clock = recording?.paced(pace) ?? pace;
      try {
        post({
          kind: 'ready',
          sourceName: source.actions.name,
          judged: judge !== undefined,
          cameras: robot.images.cameras,
          sceneSha256: physics?.sceneSha256 ?? '',
        });
        for (const [episode, start] of job.starts.entries()) {
          const begin = (): Promise<boolean> => cell.begin(start, () => session.align(source.from, signal));
          interrupted = !(await begin());
          // Time passed while a person got ready: the scene is put back again.
          if (source.ready && !interrupted)
            interrupted = !((await source.ready(session, signal)) && (await begin()));
          if (interrupted) break;
          await recording?.begin(start);
          const trace = job.trace === true ? new StepTrace(job.steps) : undefined;
          const following = job.source.kind === 'teleop' ? new Following() : undefined;
          const listeners: StepListener[] = [
            ...(following ? [following] : []),
            new FrameTap(robot.images, job.views, episode, job.steps, post),
            { onStep: (step) => reportStep(episode, step) },
            ...(recording ? [recording.listener] : []),
            ...(trace ? [trace] : []),
          ];
          const outcome = await session.episode({
            source: source.actions,
            judge,
            clock,
            steps: job.steps,
            listeners,
            signal,
          });
          if (following) say(describeFollowing(following.report()));
          missed += outcome.timing.missed;
          ticks += outcome.steps;
          const recorded = await recording?.end(outcome);
          interrupted = outcome.interrupted;
          if (interrupted) break;
          post({
            kind: 'episode',
            episode,
            result: {
              seed: start.seed,
              outcome,
              clampedTicks: outcome.clampedTicks,
              ...recorded,
              ...(trace && { trace: trace.take() }),
            },
          });
        }
        const latency = source.latency && { latency: source.latency.summary() };
        return { kind: 'done', interrupted, timing: { late: late.summary(), missed, ticks, ...latency } };
      } finally {
        await recording?.close();
        await source.actions.close();
      }
    },
  );

  function reportStep(episode: number, { observation: { step }, reward, lateMs }: Step): void {
    late.record(lateMs);
    if (step % PROGRESS_STEPS === 0) post({ kind: 'step', episode, step, reward });
  }
}

function warnWithoutFifo(): void {
  const { granted, advice } = requestFifo();
  if (!granted && advice !== undefined) say(advice);
}

const stop = new AbortController();
port.on('message', () => {
  stop.abort();
});
try {
  const job: ControlJob = workerData;
  post(await control(job, stop.signal));
} catch (error) {
  post(failedMessage(error));
}
port.unref();
