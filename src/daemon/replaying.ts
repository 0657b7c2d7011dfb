/** Plays a recorded episode again from the same start and compares what happens. */
import type { Rig } from '../config/rig.js';
import { DOF, isGripper } from '../contract/robot.js';
import { UsageError } from '../contract/errors.js';
import { readEpisode } from '../episodes/readEpisode.js';
import { replayStart, requirePace } from './backends.js';
import type { EpisodeResult } from './controlJob.js';
import { runControlThread } from './controlThread.js';
import { Pictures } from './pictures.js';
import type { RunListener } from './runListener.js';

export interface ReplayRequest {
  readonly rig: Rig;
  /** Whether the user named a task, which must then be the episode's. */
  readonly taskGiven: boolean;
  readonly episode: string;
  readonly pace: 'realtime' | 'fast';
  readonly watchPort?: number;
}

export interface ReplayReport {
  readonly episode: string;
  readonly steps: number;
  /** Null: nothing gives rewards where it was replayed. */
  readonly rewards: {
    readonly same: boolean;
    readonly differingSteps: number;
    readonly recordedMax: number;
    readonly replayedMax: number;
  } | null;
  /** Of joints [rad] and of grippers (0 closed to 1 open). */
  readonly largestDifference: { readonly joints: number; readonly grippers: number };
  readonly interrupted: boolean;
}

/** Throws EpisodeError and UsageError. */
export async function replayEpisode(
  request: ReplayRequest,
  listener: RunListener,
  signal: AbortSignal,
): Promise<ReplayReport> {
  requirePace(request.rig, { pace: request.pace, workers: 1 });
  const recorded = readEpisode(request.episode);
  const { task } = recorded.info;
  if (request.taskGiven && task !== request.rig.task) {
    throw new UsageError(`${request.episode} is of task ${task}, not ${request.rig.task}: drop --task`);
  }
  const start = replayStart(request.episode, recorded.info, request.rig);
  const pictures = await Pictures.open(request, [start], listener);
  let result: EpisodeResult | undefined;
  let judged = false;
  let interrupted: boolean;
  try {
    ({ interrupted } = await runControlThread(
      {
        rig: { ...request.rig, task },
        source: { kind: 'replay', path: request.episode },
        starts: [start],
        pace: request.pace,
        steps: recorded.steps,
        views: pictures.views,
        trace: true,
        // Shaken demonstrations come out the same only when shaken alike.
        shakeRad: Number(recorded.info.extra['shakeRad'] ?? 0),
      },
      (event) => {
        if (event.kind === 'ready') ({ judged } = event);
        if (event.kind === 'warning') listener.onLine(event.text);
        if (event.kind === 'frame') pictures.onFrame(0, event);
        if (event.kind === 'episode') ({ result } = event);
        if (event.kind !== 'step') return;
        const seen = judged ? `reward ${event.reward}` : '';
        pictures.onStep(0, event.step, seen);
        listener.onProgress(event.step, recorded.steps, seen);
      },
      signal,
    ));
  } finally {
    await pictures.close();
  }
  const { qpos, reward } = result?.trace ?? { qpos: new Float64Array(), reward: new Float64Array() };
  const differingSteps = reward.filter((value, step) => value !== recorded.reward[step]).length;
  const farthest = (of: (joint: number) => boolean): number =>
    qpos.reduce(
      (most, value, i) => (of(i % DOF) ? Math.max(most, Math.abs(value - recorded.qpos[i]!)) : most),
      0,
    );
  return {
    episode: request.episode,
    steps: recorded.steps,
    rewards: judged
      ? {
          same: !interrupted && reward.length === recorded.steps && differingSteps === 0,
          differingSteps,
          recordedMax: recorded.outcome.maxReward,
          replayedMax: result?.outcome.maxReward ?? 0,
        }
      : null,
    largestDifference: { joints: farthest((joint) => !isGripper(joint)), grippers: farthest(isGripper) },
    interrupted,
  };
}
