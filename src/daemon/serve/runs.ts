/** What a mode means in episodes: who acts, from which starts, and whether it is recorded. */
import type { Rig } from '../../config/rig.js';
import type { ModeRequest } from '../../contract/api.js';
import { UnavailableError } from '../../contract/apiErrors.js';
import { UsageError } from '../../contract/errors.js';
import { CONTROL_PERIOD_S } from '../../contract/robot.js';
import { EPISODE_STEPS, type StartPose } from '../../contract/task.js';
import { readHeader } from '../../episodes/readEpisode.js';
import { readPool, sampleStartPose } from '../../simulation/startPoses.js';
import type { RecordChoice, SourceChoice } from '../controlJob.js';
import { sourceOf } from '../playing.js';
import { replayStart } from '../backends.js';
import { lacksArms } from '../servoWorkcell.js';

export type RunRequest = Extract<ModeRequest, { mode: 'teleop' | 'trial' | 'record' | 'replay' }>;

export interface RunPlan {
  readonly rig: Rig;
  readonly source: SourceChoice;
  readonly starts: readonly StartPose[];
  readonly steps: number;
  readonly record?: RecordChoice;
}

/** As of the verbs; see cli/record.ts. */
const TAKE_SECONDS = 20;
/** As the verbs' own; see trials.ts and recording.ts. */
const FIRST_SEED = { trial: 2_000_000, record: 0 } as const;

/** Looks at everything that was asked for before anything moves. Throws UsageError, UnavailableError, CheckpointError, EpisodeError. */
export function planRun(request: RunRequest, rig: Rig, episodeFolder: string): RunPlan {
  if (request.mode === 'replay') return planReplay(request.episode, rig);
  if (request.mode === 'teleop') return planTeleop(rig);
  const task = request.task ?? rig.task;
  if (task !== rig.task) {
    throw new UsageError(`this daemon's world is set up for ${rig.task}: start it with --task ${task}`);
  }
  const { mode, policy, episodes } = request;
  const source = requireActor(sourceOf(policy, task), rig);
  const { seconds = source.kind === 'teleop' ? TAKE_SECONDS : undefined } = request;
  const first = request.seed ?? FIRST_SEED[mode];
  const pool = mode === 'trial' && request.poses !== 'random' ? request.poses : undefined;
  if (pool !== undefined && request.seed !== undefined)
    throw new UsageError(`a seed draws random poses; ${pool} is a fixed list`);
  const starts =
    pool === undefined
      ? Array.from({ length: episodes }, (_, i) => sampleStartPose(task, first + i))
      : readPool(pool, task).slice(0, episodes);
  const execution = mode === 'trial' && request.execution ? { mode: request.execution } : {};
  return {
    rig: { ...rig, execution: { ...rig.execution, ...execution } },
    source,
    starts,
    steps: seconds === undefined ? EPISODE_STEPS : Math.round(seconds / CONTROL_PERIOD_S),
    ...(mode === 'record' && {
      record: {
        directory: request.folder ?? episodeFolder,
        images: request.images,
        keep: request.keep,
      },
    }),
  };
}

/** Until a person ends it, unrecorded. */
function planTeleop(rig: Rig): RunPlan {
  return {
    rig,
    source: requireActor({ kind: 'teleop' }, rig),
    starts: [sampleStartPose(rig.task, FIRST_SEED.record)],
    steps: Infinity,
  };
}

/** Throws UnavailableError when a person is to act and the rig has no leaders. */
function requireActor(source: SourceChoice, rig: Rig): SourceChoice {
  const reason = source.kind === 'teleop' ? lacksArms(rig, 'leader') : undefined;
  if (reason !== undefined) throw new UnavailableError(`teleoperation is not available: ${reason}`);
  return source;
}

function planReplay(path: string, rig: Rig): RunPlan {
  const { info, outcome } = readHeader(path);
  if (info.task !== rig.task)
    throw new UsageError(`${path} is of task ${info.task}, this daemon's world of ${rig.task}`);
  return {
    rig,
    source: { kind: 'replay', path },
    starts: [replayStart(path, info, rig)],
    steps: outcome.steps,
  };
}
