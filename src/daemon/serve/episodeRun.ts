/** One episode in the daemon's control thread: slow ramp to its start, reset, recording, the episode itself. */
import { EpisodeError } from '../../contract/errors.js';
import { ARMS, ARM_START_POSE, DOF } from '../../contract/robot.js';
import type { ActionSource } from '../../contract/policy.js';
import type { ControlSession } from '../../control/session.js';
import type { StopSignal } from '../../control/loop.js';
import { readEpisode } from '../../episodes/readEpisode.js';
import { ActSource } from '../../policy/actSource.js';
import { InferenceClient } from '../../policy/inferenceClient.js';
import { ReplaySource } from '../../policy/replaySource.js';
import type { TimingHistogram } from '../../realtime/timingHistogram.js';
import type { SimRobot } from '../../simulation/simRobot.js';
import type { EpisodeResult } from '../controlJob.js';
import { EpisodeRecording } from '../episodeRecording.js';
import { createExpert } from '../parts.js';
import { withResidual } from '../residualPredictor.js';
import { chunkTap, type LiveMemory } from './liveMemory.js';
import type { EpisodeOrder } from './orders.js';

const START_POSE = Float64Array.from(ARMS.flatMap(() => ARM_START_POSE));

interface Prepared {
  readonly source: ActionSource;
  /** Where the arms have to be at the first tick: (14,). */
  readonly from: Float64Array;
  readonly latency?: TimingHistogram;
}

export class EpisodeRun {
  readonly #order: EpisodeOrder;
  readonly #robot: SimRobot;
  readonly #session: ControlSession;
  readonly #memory: LiveMemory;
  readonly #latency: TimingHistogram;

  /** @param latency inference latencies are added to it */
  constructor(
    order: EpisodeOrder,
    robot: SimRobot,
    session: ControlSession,
    memory: LiveMemory,
    latency: TimingHistogram,
  ) {
    this.#order = order;
    this.#robot = robot;
    this.#session = session;
    this.#memory = memory;
    this.#latency = latency;
  }

  /** `stopped` when the signal or an emergency stop ended it. Throws what sources, recorders and robots throw. */
  async play(signal: StopSignal): Promise<EpisodeResult | 'stopped'> {
    const { start, steps, record, rig } = this.#order;
    const { source, from, latency } = this.#prepare();
    let recording: EpisodeRecording | undefined;
    try {
      await this.#session.activate();
      if (!(await this.#session.align(from, signal))) return 'stopped';
      this.#robot.reset(start);
      if (record) {
        const { source: choice } = this.#order;
        const stored = choice.kind === 'policy' ? { kind: choice.kind, folder: choice.folder } : choice;
        recording = new EpisodeRecording(
          { rig, source: stored, pace: 'realtime' },
          record,
          this.#robot,
          source.name,
        );
        await recording.begin(start);
      }
      const outcome = await this.#session.episode({
        source,
        steps,
        judge: this.#robot,
        listeners: recording ? [recording.listener] : [],
        signal,
      });
      const recorded = await recording?.end(outcome);
      if (outcome.interrupted) return 'stopped';
      return {
        seed: start.seed,
        outcome,
        clampedTicks: outcome.clampedTicks,
        ...(recorded !== undefined && { recorded }),
      };
    } finally {
      if (latency) this.#latency.merge(latency);
      await recording?.close();
      await source.close();
    }
  }

  #prepare(): Prepared {
    const { source, rig } = this.#order;
    switch (source.kind) {
      case 'script':
        return {
          source: createExpert(rig.task, {
            seed: 0,
            positionM: source.waypointNoiseM,
            timing: source.timing,
          }),
          from: START_POSE,
        };
      case 'policy': {
        const predictor = InferenceClient.attach(source.manifest, source.block);
        const corrected = withResidual(predictor, source.manifest.residual);
        const actions = new ActSource(source.manifest, corrected, this.#robot.images, {
          mode: rig.execution.mode,
          pace: 'realtime',
          ensembleDecay: rig.execution.decay,
          onChunk: chunkTap(this.#memory),
        });
        return { source: actions, from: START_POSE, latency: predictor.latency };
      }
      case 'replay': {
        const { action, qpos, steps } = readEpisode(source.path);
        if (steps === 0) throw new EpisodeError(`${source.path} has no steps`);
        return {
          source: new ReplaySource(action.subarray(0, steps * DOF)),
          from: qpos.slice(0, DOF),
        };
      }
      default:
        return source satisfies never;
    }
  }
}
