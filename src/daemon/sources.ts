/** Makes the ActionSource that a job asks for. */
import type { ImageSource } from '../contract/camera.js';
import { EpisodeError, UsageError } from '../contract/errors.js';
import { DOF } from '../contract/robot.js';
import { START_POSE } from '../control/startRitual.js';
import type { ActionSource } from '../contract/policy.js';
import { readEpisode } from '../episodes/readEpisode.js';
import { ActSource } from '../policy/actSource.js';
import { loadCheckpoint } from '../policy/checkpoint.js';
import { InferenceClient } from '../policy/inferenceClient.js';
import { ReplaySource } from '../policy/replaySource.js';
import type { TimingHistogram } from '../realtime/timingHistogram.js';
import type { Rig } from '../config/rig.js';
import type { ControlJob, SourceChoice } from './controlJob.js';
import type { StopSignal } from '../realtime/clock.js';
import type { ControlSession } from '../control/session.js';
import { leaderSource } from './leaderSource.js';
import { createExpert } from './parts.js';
import { withOffset } from './offsetPredictor.js';

export interface Source {
  readonly actions: ActionSource;
  /** Where the arms have to be at the first tick: (14,). */
  readonly from: Float64Array;
  /**
   * What has to happen before an episode, the arms holding at `from`: a person who teleoperates says when. False when
   * `signal` stopped it.
   */
  readonly ready?: (
    session: ControlSession,
    signal: StopSignal,
    /** Says it in another way than that person's hands. */
    begun?: StopSignal,
  ) => Promise<boolean>;
  /** Inference latency, where there is inference. */
  readonly latency?: TimingHistogram;
}

/**
 * Longest wait for an answer as fast as possible [ms]. Nothing moves meanwhile: a machine that is overloaded or was
 * suspended for a while is no reason to give up hours of episodes.
 */
const LOCKSTEP_TIMEOUT_MS = 120_000;

/** Plays a recorded episode again, from where its arms were. Throws EpisodeError. */
function replaySource(path: string): Source {
  const { action, qpos, steps } = readEpisode(path);
  if (steps === 0) throw new EpisodeError(`${path} has no steps`);
  return { actions: new ReplaySource(action.subarray(0, steps * DOF)), from: qpos.slice(0, DOF) };
}

/** Who acts without a policy, whose network runs in a verb and in the daemon in ways of their own. Throws EpisodeError, ArmError. */
export async function sourceWithoutPolicy(
  source: Exclude<SourceChoice, { kind: 'policy' }>,
  rig: Rig,
  say: (text: string) => void,
): Promise<Source> {
  switch (source.kind) {
    case 'script':
      return {
        actions: createExpert(rig.task, { seed: 0, positionM: source.waypointNoiseM, timing: source.timing }),
        from: START_POSE,
      };
    case 'replay':
      return replaySource(source.path);
    case 'teleop':
      return await leaderSource(rig, say);
    default:
      return source satisfies never;
  }
}

/** Throws UsageError, CheckpointError, CameraMismatchError, EpisodeError, ArmError. */
export async function createSource(
  job: ControlJob,
  images: ImageSource,
  say: (text: string) => void,
): Promise<Source> {
  const { source, rig } = job;
  if (source.kind === 'teleop' && job.pace === 'fast')
    throw new UsageError('people lead by the clock: use --pace realtime');
  if (source.kind !== 'policy') return await sourceWithoutPolicy(source, rig, say);
  const checkpoint = await loadCheckpoint(source.folder);
  const { manifest } = checkpoint;
  const { mode, decay, threads } = rig.execution;
  const timeout = job.pace === 'fast' ? { timeoutMs: LOCKSTEP_TIMEOUT_MS } : {};
  const predictor = await InferenceClient.start(checkpoint, { threads, ...timeout });
  const actions = new ActSource(manifest, withOffset(predictor, manifest), images, {
    mode,
    pace: job.pace === 'realtime' ? 'realtime' : 'lockstep',
    ensembleDecay: decay,
    ...(job.queryEvery !== undefined && { queryEvery: job.queryEvery }),
  });
  return { actions, from: START_POSE, latency: predictor.latency };
}
