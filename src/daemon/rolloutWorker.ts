/** Thread entry: one workcell that plays roll-outs and branches on request, one after another. */
import { parentPort, workerData } from 'node:worker_threads';
import type { LoopOutcome } from '../control/loop.js';
import type { ControlSession } from '../control/session.js';
import { AlohadError, EXIT, Interrupted } from '../contract/errors.js';
import type { PolicyManifest } from '../contract/checkpoint.js';
import type { ActionSource } from '../contract/policy.js';
import { DOF } from '../contract/robot.js';
import type { Branch, Rollout } from '../contract/rollout.js';
import { EPISODE_STEPS, type StartPose } from '../contract/task.js';
import type { Rig } from '../config/rig.js';
import { ActSource } from '../policy/actSource.js';
import { InferenceClient } from '../policy/inferenceClient.js';
import type { LiveModel } from '../policy/liveWeights.js';
import { ReplaySource } from '../policy/replaySource.js';
import { EpisodeRecording } from './episodeRecording.js';
import { withOffset } from './offsetPredictor.js';
import { START_POSE } from '../control/startRitual.js';
import { StepTrace } from './stepTrace.js';
import { clockOf, withWorkcell } from './withWorkcell.js';
import type { Workcell } from './workcell.js';

export interface RolloutSetup {
  readonly rig: Rig;
  readonly manifest: PolicyManifest;
  readonly live: LiveModel;
  /** Where roll-outs are recorded; absent: they are not. */
  readonly folder?: string;
  /** `realtime`: at the pace of the clock, as a person watches it; `fast` when absent. */
  readonly pace?: 'realtime' | 'fast';
  /**
   * An episode takes the place of what lies there under its name: a roll-out that was played before and came to nothing,
   * as its thread or the process ended.
   */
  readonly replace?: true;
}

export type RolloutRequest = { readonly id: number } & (
  | {
      readonly kind: 'play';
      readonly start: StartPose;
      readonly actorVersion: number;
      readonly record: boolean;
    }
  | { readonly kind: 'branch'; readonly branch: Branch; readonly keep: 'all' | 'successes' | 'none' }
);

export type RolloutAnswer = { readonly id: number } & (
  | { readonly kind: 'rollout'; readonly rollout: Rollout }
  | { readonly kind: 'failed'; readonly name: string; readonly message: string; readonly exitCode: number }
);

/** `ready` comes first; `stop` ends the episode in progress, `close` the thread once everything is closed. */
export type RolloutControl = 'stop' | 'close';

const setup: RolloutSetup = workerData;
const { pace = 'fast' } = setup;
const port = parentPort!;
const stop = new AbortController();

try {
  await withWorkcell({ rig: setup.rig, pace }, serve);
} catch (error) {
  fail(-1, error);
}
port.close();

async function serve(cell: Workcell, session: ControlSession): Promise<void> {
  const { manifest, live, rig } = setup;
  const predictor = await InferenceClient.start({ manifest, modelPath: '' }, { threads: 1, live });
  const policy = new ActSource(manifest, withOffset(predictor, manifest), cell.robot.images, {
    mode: 'chunk',
    pace: pace === 'fast' ? 'lockstep' : 'realtime',
    queryEvery: manifest.chunkSize,
  });
  const source = { kind: 'policy', folder: manifest.name } as const;
  const recordingTo = (folder: string, keep: 'all' | 'successes') =>
    new EpisodeRecording(
      { rig, source, pace },
      { directory: folder, images: 'none', keep, ...(setup.replace && { replace: true }) },
      cell,
      manifest.name,
    );
  const recording = setup.folder === undefined ? undefined : recordingTo(setup.folder, 'all');

  const episode = async (
    actions: ActionSource,
    steps: number,
    record: EpisodeRecording | undefined,
    goal?: Float64Array,
  ): Promise<{ outcome: LoopOutcome; trace: StepTrace }> => {
    const trace = new StepTrace(steps);
    const listeners = record ? [trace, record.listener] : [trace];
    const ticks = clockOf(pace);
    const outcome = await session.episode({
      source: actions,
      judge: cell.judge,
      clock: record?.paced(ticks) ?? ticks,
      steps,
      listeners,
      signal: stop.signal,
      ...(goal && { goal }),
    });
    return { outcome, trace };
  };

  const play = async (start: StartPose, actorVersion: number, keep: boolean): Promise<Rollout> => {
    const record = keep ? recording : undefined;
    if (!(await cell.begin(start, () => session.align(START_POSE, stop.signal))))
      throw new Interrupted('the roll-out was stopped');
    const { outcome, trace, path } = await recorded(record, async () => {
      await record?.begin(start, '', { actorVersion: String(actorVersion) });
      const played = await episode(policy, EPISODE_STEPS, record);
      return { ...played, path: (await record?.end(played.outcome))?.recorded };
    });
    if (outcome.interrupted) throw new Interrupted('the roll-out was stopped');
    return {
      seed: start.seed,
      outcome,
      reward: trace.take().reward,
      actorVersion,
      ...(path !== undefined && { path }),
    };
  };

  const branch = async (
    { start, physicsState, actions, label }: Branch,
    keep: 'all' | 'successes' | 'none',
  ): Promise<Rollout> => {
    const { past } = cell;
    if (!past) throw new AlohadError(`the ${rig.backend} robot cannot go back to where a branch begins`);
    past.restore(physicsState, start);
    const record = keep === 'none' ? undefined : recording;
    const { outcome, trace, path } = await recorded(record, async () => {
      await record?.begin(start, `-${label}`, { branch: label });
      const goal = past.goal.slice();
      const played = await episode(new ReplaySource(actions), actions.length / DOF, record, goal);
      const dropped = keep === 'successes' && !played.outcome.success;
      return {
        ...played,
        path: (await record?.end({ ...played.outcome, ...(dropped && { interrupted: true }) }))?.recorded,
      };
    });
    if (outcome.interrupted) throw new Interrupted('the branch was stopped');
    return {
      seed: start.seed,
      outcome,
      reward: trace.take().reward,
      actorVersion: 0,
      ...(path !== undefined && { path }),
    };
  };

  const answer = async (request: RolloutRequest): Promise<void> => {
    try {
      const rollout =
        request.kind === 'play'
          ? await play(request.start, request.actorVersion, request.record)
          : await branch(request.branch, request.keep);
      post({ id: request.id, kind: 'rollout', rollout });
    } catch (error) {
      fail(request.id, error);
    }
  };

  try {
    await new Promise<void>((resolve) => {
      let queue = Promise.resolve();
      port.on('message', (message: RolloutRequest | RolloutControl) => {
        if (message === 'stop') stop.abort();
        else if (message === 'close') void queue.then(resolve);
        else queue = queue.then(() => answer(message));
      });
      port.postMessage('ready');
    });
  } finally {
    await recording?.close();
    await policy.close();
  }
}

/** Whatever fails, the recorder is ready for the next episode. */
async function recorded<T>(recording: EpisodeRecording | undefined, play: () => Promise<T>): Promise<T> {
  try {
    return await play();
  } catch (error) {
    await recording?.giveUp();
    throw error;
  }
}

function post(answer: RolloutAnswer): void {
  port.postMessage(answer);
}

function fail(id: number, error: unknown): void {
  const known = error instanceof AlohadError;
  post({
    id,
    kind: 'failed',
    name: known ? error.name : 'UnexpectedError',
    message: known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error),
    exitCode: known ? error.exitCode : EXIT.failed,
  });
}
