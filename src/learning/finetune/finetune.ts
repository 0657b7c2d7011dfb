/**
 * Fine-tuning: play, judge, learn, clone a little, evaluate, promote; until the budget is used or the target reached.
 *
 * Everything that influences the weights follows from configuration, seed, start policy, demonstrations and the
 * roll-outs' outcomes. Random streams are named after what they are drawn for (roll-out 17, cloning step 85), so there
 * is no generator state to lose: a run that is killed at any moment and resumed ends as one that never stopped.
 */
import type { EpisodeOutcome } from '../../contract/episode.js';
import { Interrupted, UsageError } from '../../contract/errors.js';
import type { RolloutSource } from '../../contract/rollout.js';
import type { StartPose } from '../../contract/task.js';
import type { Weight } from '../../network/actParameters.js';
import type { WeightKind } from '../../network/learner.js';
import { TrainingError } from '../../network/trainingError.js';
import type { Actor, Algorithm, LearningReport } from './actor.js';
import { withNoise } from './actor.js';
import type { ChunkCriticLearning } from './chunkCritic.js';
import type { ChunkOrder } from './chunkSupply.js';
import type { DemonstrationSampler } from './demonstrations.js';
import type { Explorers } from './explorers.js';
import type { FinetuneConfig } from './finetuneConfig.js';
import type { LoggedRollout } from './rolloutLog.js';
import type { ChunkReference } from './replay.js';
import { CorruptEpisodeError } from './sampleLoader.js';
import { decide, DECIDE_EVERY, STABLE, withOutcome } from './stabilisation.js';
import type { StabiliserState } from './stabilisation.js';

/** Where the run stands: with weights and optimizer states all that the next roll-out depends on. */
export interface RunState {
  /** Roll-outs learned from. */
  readonly rollouts: number;
  /** Cloning steps done. */
  readonly imitationSteps: number;
  readonly stabiliser: StabiliserState;
}

export const FIRST: RunState = { rollouts: 0, imitationSteps: 0, stabiliser: STABLE };

export interface Evaluation {
  readonly rollouts: number;
  readonly outcomes: readonly EpisodeOutcome[];
}

/** Where this process's time went so far [ms]. */
export interface RunTime {
  readonly playingMs: number;
  /** Learning from roll-outs, and waiting for samples meanwhile. */
  readonly learningMs: number;
  readonly learningWaitMs: number;
  /** The same for cloning. */
  readonly cloningMs: number;
  readonly cloningWaitMs: number;
}

/** A step that was refused: its loss or gradient was not finite. */
export interface Divergence {
  /** What was learned: `roll-out 17`, `cloning step 85`. */
  readonly what: string;
  readonly reason: string;
  /** Batches since then, the last one being that of the step. */
  readonly batches: readonly (readonly ChunkReference[])[];
}

/** What the loop needs done outside of it. */
export interface RunHooks {
  /** Start pose of training roll-out `index`. */
  start(index: number): StartPose;
  /** Roll-outs that were played before the run was stopped. */
  readonly log: { readonly entries: readonly LoggedRollout[]; append(rollout: LoggedRollout): void };
  /** Saves everything; a run can be resumed from here. `extra`: tensors that the loop needs besides actor and algorithm. */
  checkpoint(state: RunState, extra: ReadonlyMap<string, Weight>): Promise<void>;
  /** Plays the evaluation poses with the weights that act, and decides on promotion. */
  evaluate(state: RunState): Promise<void>;
  /** Numbers of one roll-out. */
  report(rollout: LoggedRollout, learning: LearningReport, state: RunState, time: RunTime): Promise<void>;
  /** Something worth a line. */
  say(text: string): void;
  /** An episode that cannot be read is set aside with its reason. */
  quarantine(path: string, reason: string, state: RunState): void;
  /** Those that were set aside before the run was stopped, up to the checkpoint. */
  readonly unreadable: readonly string[];
  /** Keeps what a diverged step learned from. */
  diverged(divergence: Divergence): void;
  /** Does what needs room on the disk; waits while there is none. Throws Interrupted. */
  storing<T>(action: () => T | Promise<T>): Promise<T>;
  /** Whether to stop before the next roll-out: budget used up, target reached. */
  isDone(state: RunState): boolean;
}

export interface FinetuneParts {
  readonly config: FinetuneConfig;
  readonly actor: Actor;
  /** Absent: cloning alone. */
  readonly algorithm?: Algorithm;
  readonly source: RolloutSource;
  readonly demonstrations: DemonstrationSampler;
  readonly explorers?: Explorers;
  readonly hooks: RunHooks;
  readonly signal?: AbortSignal;
}

/** Names of the best actor's tensors begin so. */
const BEST = 'best/';

/** Batches of cloning that are fetched ahead. */
const AHEAD = 4;

export class Finetuning {
  readonly #parts: FinetuneParts;
  #state: RunState;
  /** Cloning batches under way, by step. */
  readonly #fetching = new Map<number, ChunkOrder<ChunkReference>>();
  /** Actor of the best time, for adaptive stabilisation. */
  #best: ReadonlyMap<string, Weight> | undefined;
  readonly #time = { playingMs: 0, learningMs: 0, learningWaitMs: 0, cloningMs: 0, cloningWaitMs: 0 };

  /** `extra`: what `hooks.checkpoint` was given when the run was stopped. */
  constructor(parts: FinetuneParts, state: RunState, extra: ReadonlyMap<string, Weight> = new Map()) {
    this.#parts = parts;
    this.#state = state;
    parts.explorers?.load(extra);
    const best = [...extra].flatMap(([name, weight]) =>
      name.startsWith(BEST) ? [[name.slice(BEST.length), weight] as const] : [],
    );
    if (best.length > 0) this.#best = new Map(best);
    for (const rollout of parts.hooks.log.entries.slice(0, state.rollouts)) parts.algorithm?.recall(rollout);
    if (parts.config.stabilise && state.rollouts >= DECIDE_EVERY) this.#steerCritic();
    for (const path of parts.hooks.unreadable) this.#leaveOut(path);
    parts.actor.chunks.onUnreadable = ({ path, message }) => {
      parts.hooks.quarantine(path, message, this.#state);
      this.#leaveOut(path);
    };
  }

  /** Runs to the end or until stopped, with a checkpoint. Throws StorageError and what the source throws. */
  async run(): Promise<RunState> {
    const { config, hooks, signal } = this.#parts;
    this.#publish();
    if (this.#state.rollouts === 0) await hooks.evaluate(this.#state);
    let checkpointed = this.#state.rollouts;
    while (this.#state.rollouts < config.rollouts && !hooks.isDone(this.#state)) {
      if (signal?.aborted) break;
      const before = this.#state.rollouts;
      const passed = (every: number) => Math.floor(this.#state.rollouts / every) > Math.floor(before / every);
      try {
        await this.#round();
        if (passed(config.evaluation.every) && this.#state.rollouts < config.rollouts)
          await hooks.evaluate(this.#state);
        if (passed(config.checkpointEvery)) {
          await hooks.storing(() => hooks.checkpoint(this.#state, this.#extra()));
          checkpointed = this.#state.rollouts;
        }
      } catch (error) {
        if (error instanceof Interrupted) break;
        throw error;
      }
    }
    try {
      if (!signal?.aborted) await hooks.evaluate(this.#state);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
    }
    if (checkpointed !== this.#state.rollouts)
      await hooks.storing(() => hooks.checkpoint(this.#state, this.#extra()));
    return this.#state;
  }

  #extra(): Map<string, Weight> {
    const best = [...(this.#best ?? [])].map(([name, weight]) => [BEST + name, weight] as const);
    return new Map([...best, ...(this.#parts.explorers?.state() ?? [])]);
  }

  /** Plays some roll-outs with one version of the weights, learns from each, clones where it is due. */
  async #round(): Promise<void> {
    const { config, hooks } = this.#parts;
    const first = this.#state.rollouts;
    const count = Math.min(config.rolloutsPerUpdate, config.rollouts - first);
    const played = await this.#play(first, count);
    for (const rollout of played) {
      const learning = await this.#learn(rollout);
      const cloning = await this.#clone(rollout.index);
      const stabiliser = withOutcome(this.#state.stabiliser, rollout.index, rollout.maxReward >= 4);
      this.#state = { ...this.#state, rollouts: rollout.index + 1, stabiliser };
      if (config.stabilise && this.#state.rollouts % DECIDE_EVERY === 0) this.#stabilise();
      await hooks.report(rollout, { ...learning, ...cloning }, this.#state, this.#time);
    }
    await this.#parts.explorers?.branchWhenDue(this.#state.rollouts);
    this.#publish();
  }

  /** Roll-outs that the log has are not played again. */
  async #play(first: number, count: number): Promise<LoggedRollout[]> {
    const { hooks, source, explorers } = this.#parts;
    const known = hooks.log.entries.slice(first, first + count);
    const missing = Array.from({ length: count - known.length }, (_, i) => first + known.length + i);
    if (missing.length === 0) return known;
    const began = performance.now();
    explorers?.publishFor(first, source);
    const played = await hooks.storing(() => source.play(missing.map((index) => hooks.start(index))));
    this.#time.playingMs += performance.now() - began;
    for (const [i, { seed, outcome, reward, path, actorVersion }] of played.entries()) {
      if (path === undefined)
        throw new UsageError('training roll-outs must be recorded: give the farm a folder');
      const { maxReward, finalReward } = outcome;
      const entry = { index: missing[i]!, seed, path, actorVersion, maxReward, finalReward, reward };
      await hooks.storing(() => hooks.log.append(entry));
      known.push(entry);
    }
    return known;
  }

  async #learn(rollout: LoggedRollout): Promise<LearningReport> {
    const { algorithm, actor } = this.#parts;
    if (!algorithm) return {};
    const began = performance.now();
    const waited = actor.chunks.waitingMs;
    actor.chunks.takeDelivered();
    try {
      const report = await algorithm.learn(rollout);
      return actor.chunks.isReadable(rollout.path) ? report : { ...report, quarantined: 1 };
    } catch (error) {
      if (error instanceof CorruptEpisodeError) {
        actor.chunks.refuse(error);
        return { quarantined: 1 };
      }
      if (!(error instanceof TrainingError)) throw error;
      this.#refuse(`roll-out ${rollout.index}`, error);
      return { diverged: 1 };
    } finally {
      this.#time.learningMs += performance.now() - began;
      this.#time.learningWaitMs += actor.chunks.waitingMs - waited;
    }
  }

  /** After every so many roll-outs some steps on the demonstrations, from a stream of batches of their own. */
  async #clone(index: number): Promise<LearningReport> {
    const { config, actor } = this.#parts;
    if ((index + 1) % config.imitation.every !== 0) return {};
    const steps = config.imitation.steps * this.#state.stabiliser.imitation;
    const began = performance.now();
    const waited = actor.chunks.waitingMs;
    let done = 0;
    let l1 = 0;
    for (let i = 0; i < steps; i++) {
      const step = this.#state.imitationSteps;
      const stream = `clone ${step}`;
      actor.chunks.takeDelivered();
      const delivery = await actor.chunks.deliver(this.#order(step));
      try {
        const result = await actor.trainer.imitate(withNoise(actor, delivery!, stream).batch, stream);
        l1 += result.l1;
        done++;
      } catch (error) {
        if (!(error instanceof TrainingError)) throw error;
        this.#refuse(`cloning step ${step}`, error);
      }
      this.#state = { ...this.#state, imitationSteps: step + 1 };
    }
    this.#time.cloningMs += performance.now() - began;
    this.#time.cloningWaitMs += actor.chunks.waitingMs - waited;
    return done === 0 ? {} : { cloningL1: l1 / done };
  }

  /** The batch of a cloning step, which always has samples; the next ones are fetched meanwhile. */
  #order(step: number): ChunkOrder<ChunkReference> {
    const { actor, demonstrations } = this.#parts;
    for (let ahead = step; ahead <= step + AHEAD; ahead++)
      if (!this.#fetching.has(ahead))
        this.#fetching.set(
          ahead,
          actor.chunks.order(() => demonstrations.batch(ahead)),
        );
    const order = this.#fetching.get(step)!;
    this.#fetching.delete(step);
    return order;
  }

  /** An episode that cannot be read is drawn no more. Throws EpisodeError when it was the last demonstration. */
  #leaveOut(path: string): void {
    const { algorithm, demonstrations } = this.#parts;
    algorithm?.forget(path);
    demonstrations.drop(path);
  }

  /** A step that diverged left the weights as they were: those are the last good ones. */
  #refuse(what: string, { message }: TrainingError): void {
    const { actor, hooks } = this.#parts;
    hooks.diverged({ what, reason: message, batches: actor.chunks.takeDelivered() });
  }

  #stabilise(): void {
    const { actor, algorithm, hooks } = this.#parts;
    const critic = isCritic(algorithm) ? algorithm : undefined;
    const bestBefore = this.#state.stabiliser.best;
    const { state, restore } = decide(this.#state.stabiliser, critic?.report.quality);
    if (state.best > bestBefore) this.#best = actor.trainer.state();
    if (restore && this.#best) {
      actor.trainer.load(this.#best);
      hooks.say(`success fell twice below ${(100 * state.best).toFixed(0)} %: weights of that time are back`);
    }
    this.#state = { ...this.#state, stabiliser: state };
    this.#steerCritic();
  }

  #steerCritic(): void {
    const { algorithm, config } = this.#parts;
    if (!isCritic(algorithm)) return;
    const { gamma, actorSteps } = this.#state.stabiliser;
    algorithm.gamma = Math.min(0.05, config.critic.gamma * gamma);
    algorithm.actorSteps = actorSteps;
  }

  #publish(): void {
    const { actor, config, source } = this.#parts;
    const kind: WeightKind = config.actWith;
    source.publish({ version: this.#state.rollouts, weights: flatWeights(actor, kind) });
  }
}

/** The flat vector that acts. Borrowed. */
export function flatWeights({ trainer }: Actor, kind: WeightKind): Float32Array {
  const { optimizer } = trainer.learner;
  return kind === 'average' ? optimizer.average : optimizer.weights;
}

function isCritic(algorithm: Algorithm | undefined): algorithm is ChunkCriticLearning {
  return algorithm?.name === 'chunk-critic';
}
