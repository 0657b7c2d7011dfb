/** Makes the ActionSource that a job asks for. */
import { DOF } from '../contract/robot.js';
import type { ActionSource } from '../contract/policy.js';
import { readEpisode } from '../episodes/readEpisode.js';
import { ActSource } from '../policy/actSource.js';
import { loadCheckpoint } from '../policy/checkpoint.js';
import { InferenceClient } from '../policy/inferenceClient.js';
import { ReplaySource } from '../policy/replaySource.js';
import type { TimingHistogram } from '../realtime/timingHistogram.js';
import type { SimRobot } from '../simulation/simRobot.js';
import type { ControlJob } from './controlJob.js';
import { createExpert } from './parts.js';
import { withResidual } from './residualPredictor.js';

export interface Source {
  readonly actions: ActionSource;
  /** Inference latency, where there is inference. */
  readonly latency?: TimingHistogram;
}

/**
 * Longest wait for an answer as fast as possible [ms]. Nothing moves meanwhile: a machine that is overloaded or was
 * suspended for a while is no reason to give up hours of episodes.
 */
const LOCKSTEP_TIMEOUT_MS = 120_000;

/** Throws CheckpointError, CameraMismatchError, EpisodeError. */
export async function createSource(job: ControlJob, robot: SimRobot): Promise<Source> {
  const { source, rig } = job;
  switch (source.kind) {
    case 'script':
      return {
        actions: createExpert(rig.task, { seed: 0, positionM: source.waypointNoiseM, timing: source.timing }),
      };
    case 'policy': {
      const checkpoint = await loadCheckpoint(source.folder);
      const { manifest } = checkpoint;
      const { mode, decay, threads } = rig.execution;
      const timeout = job.pace === 'fast' ? { timeoutMs: LOCKSTEP_TIMEOUT_MS } : {};
      const predictor = await InferenceClient.start(checkpoint, { threads, ...timeout });
      const actions = new ActSource(manifest, withResidual(predictor, manifest.residual), robot.images, {
        mode,
        pace: job.pace === 'realtime' ? 'realtime' : 'lockstep',
        ensembleDecay: decay,
        ...(job.queryEvery !== undefined && { queryEvery: job.queryEvery }),
      });
      return { actions, latency: predictor.latency };
    }
    case 'replay': {
      const { action, steps } = readEpisode(source.path);
      return { actions: new ReplaySource(action.subarray(0, steps * DOF)) };
    }
    default:
      return source satisfies never;
  }
}
