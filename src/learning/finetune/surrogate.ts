/**
 * Algorithm 1: behaviour cloning diluted by a policy-gradient surrogate (the report; facts, section 2.1).
 *
 *     J = -(1/N) sum_i MSE(a_i, pi(s_i)) A_i,  A = +0.5 solved, -0.5 missed by one reward
 *
 * After each roll-out one step on the failure just seen and seven successes, or on eight successes. Successes are kept;
 * a failure is used once, as the policy that made it is gone after the step. Never a step on a failure alone: the
 * surrogate of a failure has no lower bound.
 */
import { RandomStream } from '../../episodes/randomStream.js';
import type { ActorTrainer } from '../../network/actorTrainer.js';
import type { Actor, Algorithm, JudgedRollout, LearningReport } from './actor.js';
import { exploreSuccesses, fetchBatch, judgedChunk, timesOf } from './actor.js';
import { FAILED, lastChunk, SOLVED } from './farming.js';
import type { Weight } from '../../network/actParameters.js';
import type { JudgedChunk } from './replay.js';
import { draw, Replay } from './replay.js';

export interface SurrogateOptions {
  readonly batchSize: number;
  /** Successes kept. */
  readonly capacity: number;
  /**
   * Pushes a failure no further away than so many times the usual error of successes; unbounded when absent. A
   * safeguard that the report does not have.
   */
  readonly hinge?: number;
}

/** Steps whose errors of successes make the usual one. */
const USUAL_OVER = 50;

export class SurrogateLearning implements Algorithm {
  readonly name = 'surrogate';
  readonly #actor: Actor;
  readonly #options: SurrogateOptions;
  readonly #replay: Replay;
  readonly #goodErrors: number[] = [];

  constructor(actor: Actor, options: SurrogateOptions) {
    this.#actor = actor;
    this.#options = options;
    this.#replay = new Replay(options.capacity);
  }

  get sizes() {
    return { successes: this.#replay.successes.length, failures: 0 };
  }

  async learn(rollout: JudgedRollout): Promise<LearningReport> {
    const failure = this.#remember(rollout);
    const { trainer, seed, chunks } = this.#actor;
    const stream = `surrogate ${rollout.index}`;
    const { batchSize } = this.#options;
    const drawn = (): JudgedChunk[] => {
      const random = RandomStream.of(seed, 'draw', stream);
      const bad = failure && chunks.isReadable(failure.path) ? [failure] : [];
      const good = draw(this.#replay.successes, batchSize - bad.length, random);
      return good.length > 0 ? [...bad, ...good] : [];
    };
    const delivery = await fetchBatch(this.#actor, drawn, stream);
    if (!delivery) return {};
    const { samples, batch } = delivery;
    const advantages = Float32Array.from(samples, ({ label }) => label);
    const { loss, goodError, badError, gradientNorm } = await trainer.surrogate(
      batch,
      advantages,
      stream,
      this.#bound(),
    );
    this.#goodErrors.push(goodError);
    if (this.#goodErrors.length > USUAL_OVER) this.#goodErrors.shift();
    return { loss, goodError, ...(samples[0] === failure && { badError }), gradientNorm };
  }

  async explore(copy: ActorTrainer, explorer: number, step: number): Promise<void> {
    const stream = `explorer ${explorer} step ${step}`;
    await exploreSuccesses(this.#actor, copy, this.#replay, this.#options.batchSize, stream);
  }

  addPrior(samples: readonly JudgedChunk[]): void {
    this.#replay.add(samples.filter(({ label }) => label === SOLVED));
  }

  recall(rollout: JudgedRollout): void {
    this.#remember(rollout);
  }

  forget(path: string): void {
    this.#replay.drop(path);
  }

  state(): ReadonlyMap<string, Weight> {
    return new Map();
  }

  async close(): Promise<void> {}

  /** Keeps a success; returns a failure, to be used once. */
  #remember(rollout: JudgedRollout): JudgedChunk | undefined {
    const chunk = lastChunk(rollout.reward, timesOf(this.#actor));
    if (!chunk) return undefined;
    const sample = judgedChunk(rollout, chunk);
    if (sample.label === FAILED) return sample;
    this.#replay.add([sample]);
    return undefined;
  }

  #bound(): number | undefined {
    const { hinge } = this.#options;
    if (hinge === undefined || this.#goodErrors.length === 0) return undefined;
    const ordered = this.#goodErrors.toSorted((a, b) => a - b);
    return hinge * ordered[Math.floor(ordered.length / 2)]!;
  }
}
