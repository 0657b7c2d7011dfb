/** One episode in the daemon's control thread: slow ramp to its start, reset, recording, the episode itself. */
import type { RecorderState } from '../../contract/apiState.js';
import { anyOf, type ControlSession } from '../../control/session.js';
import type { StopSignal } from '../../realtime/clock.js';
import { ActSource } from '../../policy/actSource.js';
import { InferenceClient } from '../../policy/inferenceClient.js';
import type { TimingHistogram } from '../../realtime/timingHistogram.js';
import { EpisodeRecording } from '../episodeRecording.js';
import { describeFollowing, Following } from '../../control/following.js';
import { START_POSE } from '../../control/startRitual.js';
import { sourceWithoutPolicy, type Source } from '../sources.js';
import type { Workcell } from '../workcell.js';
import { withOffset } from '../offsetPredictor.js';
import { chunkTap, StopWords, type LiveMemory } from './liveMemory.js';
import type { EpisodeEnd, EpisodeOrder } from './orders.js';

export class EpisodeRun {
  readonly #order: EpisodeOrder;
  readonly #cell: Workcell;
  readonly #session: ControlSession;
  readonly #memory: LiveMemory;
  readonly #latency: TimingHistogram;
  readonly #say: (text: string) => void;
  #recording: EpisodeRecording | undefined;

  /**
   * @param latency inference latencies are added to it
   * @param say told what a person has to do
   */
  constructor(
    order: EpisodeOrder,
    cell: Workcell,
    session: ControlSession,
    memory: LiveMemory,
    latency: TimingHistogram,
    say: (text: string) => void,
  ) {
    this.#order = order;
    this.#cell = cell;
    this.#session = session;
    this.#memory = memory;
    this.#latency = latency;
    this.#say = say;
  }

  /** While it is recorded. */
  get recorder(): RecorderState | null {
    return this.#recording?.state ?? null;
  }

  /** Throws what sources, recorders and robots throw. */
  async play(signal: StopSignal): Promise<EpisodeEnd> {
    const words = new StopWords(this.#memory);
    const said: StopSignal = {
      get aborted() {
        return words.take !== undefined;
      },
    };
    const { start, steps, record, rig } = this.#order;
    const { actions, from, latency, ready } = await this.#prepare();
    let recording: EpisodeRecording | undefined;
    try {
      await this.#session.activate();
      if (!(await this.#session.align(from, signal))) return 'stopped';
      if (ready && !(await ready(this.#session, signal))) return 'stopped';
      await this.#cell.begin(start, () => Promise.resolve(true));
      if (record) {
        const { source: choice } = this.#order;
        const stored = choice.kind === 'policy' ? { kind: choice.kind, folder: choice.folder } : choice;
        recording = new EpisodeRecording(
          { rig, source: stored, pace: 'realtime' },
          record,
          this.#cell,
          actions.name,
        );
        this.#recording = recording;
        await recording.begin(start);
      }
      const following = this.#order.source.kind === 'teleop' ? new Following() : undefined;
      // What was said before was about another take.
      words.take = undefined;
      const played = await this.#session.episode({
        source: actions,
        steps,
        judge: this.#cell.judge,
        listeners: [...(following ? [following] : []), ...(recording ? [recording.listener] : [])],
        signal: anyOf(signal, said),
      });
      const word = signal.aborted ? undefined : words.take;
      const outcome = { ...played, interrupted: played.interrupted && word === undefined };
      if (following) this.#say(describeFollowing(following.report()));
      if (word === 'again') {
        await recording?.giveUp();
        return 'again';
      }
      const recorded = await recording?.end(outcome);
      if (outcome.interrupted) return 'stopped';
      return {
        seed: start.seed,
        outcome,
        clampedTicks: outcome.clampedTicks,
        ...recorded,
      };
    } finally {
      if (latency) this.#latency.merge(latency);
      this.#recording = undefined;
      await recording?.close();
      await actions.close();
    }
  }

  async #prepare(): Promise<Source> {
    const { source, rig } = this.#order;
    if (source.kind !== 'policy') return await sourceWithoutPolicy(source, rig, this.#say);
    const predictor = InferenceClient.attach(source.manifest, source.block);
    const corrected = withOffset(predictor, source.manifest);
    const actions = new ActSource(source.manifest, corrected, this.#cell.robot.images, {
      mode: rig.execution.mode,
      pace: 'realtime',
      ensembleDecay: rig.execution.decay,
      onChunk: chunkTap(this.#memory),
    });
    return { actions, from: START_POSE, latency: predictor.latency };
  }
}
