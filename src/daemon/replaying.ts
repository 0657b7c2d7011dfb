/** Plays a recorded episode again from the same start and compares what happens. */
import type { Rig } from '../config/rig.js';
import { UsageError } from '../contract/errors.js';
import { readEpisode } from '../episodes/readEpisode.js';
import { requirePace } from './backends.js';
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
  readonly sameRewards: boolean;
  readonly differingSteps: number;
  readonly recordedMaxReward: number;
  readonly replayedMaxReward: number;
  /** [rad], grippers normalised. */
  readonly largestQposDifference: number;
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
  const { task, seed, startObjects } = recorded.info;
  if (request.taskGiven && task !== request.rig.task) {
    throw new UsageError(`${request.episode} is of task ${task}, not ${request.rig.task}: drop --task`);
  }
  if (startObjects.length === 0) {
    throw new UsageError(
      `${request.episode} does not say where the objects lay: it can be replayed on the robot only`,
    );
  }
  const start = { seed, objects: Float64Array.from(startObjects) };
  const pictures = await Pictures.open(request, [start], listener);
  let result: EpisodeResult | undefined;
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
        if (event.kind === 'warning') listener.onLine(event.text);
        if (event.kind === 'frame') pictures.onFrame(0, event);
        if (event.kind === 'episode') ({ result } = event);
        if (event.kind !== 'step') return;
        pictures.onStep(0, event.step, `reward ${event.reward}`);
        listener.onProgress(event.step, recorded.steps, `reward ${event.reward}`);
      },
      signal,
    ));
  } finally {
    await pictures.close();
  }
  const { qpos, reward } = result?.trace ?? { qpos: new Float64Array(), reward: new Float64Array() };
  const differingSteps = reward.filter((value, step) => value !== recorded.reward[step]).length;
  return {
    episode: request.episode,
    steps: recorded.steps,
    sameRewards: !interrupted && reward.length === recorded.steps && differingSteps === 0,
    differingSteps,
    recordedMaxReward: recorded.outcome.maxReward,
    replayedMaxReward: result?.outcome.maxReward ?? 0,
    largestQposDifference: qpos.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - recorded.qpos[i]!)),
      0,
    ),
    interrupted,
  };
}
