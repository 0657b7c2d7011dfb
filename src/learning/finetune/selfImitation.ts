/**
 * Branching self-imitation (facts, section 4 rank 2): the simulator goes back to the start of the chunk in which an
 * episode failed and tries the same chunk with structured offsets; what succeeds with room to spare is imitated from the
 * very observation that the policy failed on: a correction. Successes are imitated as they were played.
 *
 * Without branches it is filtered behaviour cloning of the policy's own successes (rank 5).
 */
import { RandomStream } from '../../episodes/randomStream.js';
import type { ActorTrainer } from '../../network/actorTrainer.js';
import type { Actor, Algorithm, JudgedRollout, LearningReport } from './actor.js';
import { exploreSuccesses, fetchBatch, judgedChunk, timesOf } from './actor.js';
import { farmChunks, highestReward, NEAR_MISS, SOLVED, successStep } from './farming.js';
import type { JudgedChunk } from './replay.js';
import { draw, Replay } from './replay.js';
import { CorruptEpisodeError } from './sampleLoader.js';
import { RewardTimes } from './rewardTimes.js';
import type { Weight } from '../../network/actParameters.js';
import { MAX_REWARD } from '../../contract/task.js';

/** Branches that were recorded: episodes that begin at the branching point. */
export interface BranchResult {
  /** File of a branch to imitate from its step 0; absent when none was robust. */
  readonly path?: string;
  /** Branches played. */
  readonly tried: number;
  /** Branches that succeeded. */
  readonly solved: number;
}

/** Plays branches from a step of a recorded roll-out; only simulators can. */
export interface Brancher {
  /**
   * Looks for a chunk from `step` that succeeds with room to spare; before the last chunk, one that ends with more than
   * the episode ever had. What was tried before the run was stopped is not tried again. Throws CorruptEpisodeError for
   * a roll-out that cannot be read.
   */
  branch(rollout: JudgedRollout, step: number): Promise<BranchResult>;
  /** What was tried before for roll-out `index`. */
  known(index: number): BranchResult | undefined;
}

export interface SelfImitationOptions {
  readonly batchSize: number;
  /** Chunks farmed from a success. */
  readonly farmed: number;
  /** Actor steps after each roll-out. */
  readonly actorSteps: number;
  /** Samples kept. */
  readonly capacity: number;
  /** Share of a batch that is drawn from corrections, once there are any. */
  readonly corrections: number;
  /** Which failures are branched: `last` only those in the last chunk, `any` also earlier ones. */
  readonly failures: 'last' | 'any';
  /** Branches successes too: what they show is the middle of what succeeds, not its edge where they may have been. */
  readonly centre: boolean;
}

export class SelfImitation implements Algorithm {
  readonly name = 'self-imitation';
  readonly #actor: Actor;
  readonly #options: SelfImitationOptions;
  readonly #brancher: Brancher | undefined;
  readonly #replay: Replay;
  readonly #corrections: Replay;
  readonly #times = new RewardTimes();

  constructor(actor: Actor, options: SelfImitationOptions, brancher?: Brancher) {
    this.#actor = actor;
    this.#options = options;
    this.#brancher = brancher;
    this.#replay = new Replay(options.capacity);
    this.#corrections = new Replay(options.capacity);
  }

  get sizes() {
    const successes = this.#replay.successes.length + this.#corrections.successes.length;
    return { successes, failures: 0 };
  }

  async learn(rollout: JudgedRollout): Promise<LearningReport> {
    this.#remember(rollout);
    const branched = await this.#branch(rollout);
    let report: LearningReport = branched;
    for (let step = 0; step < this.#options.actorSteps; step++) {
      const stream = `imitate ${rollout.index}.${step}`;
      const drawn = () => this.#draw(RandomStream.of(this.#actor.seed, 'draw', stream));
      const delivery = await fetchBatch(this.#actor, drawn, stream);
      if (!delivery) break;
      const { loss, gradientNorm } = await this.#actor.trainer.surrogate(
        delivery.batch,
        new Float32Array(delivery.samples.length).fill(1),
        stream,
      );
      report = { ...branched, loss, gradientNorm };
    }
    return report;
  }

  async explore(copy: ActorTrainer, explorer: number, step: number): Promise<void> {
    const stream = `explorer ${explorer} step ${step}`;
    await exploreSuccesses(this.#actor, copy, this.#replay, this.#options.batchSize, stream);
  }

  addPrior(samples: readonly JudgedChunk[]): void {
    for (const sample of samples.filter(({ label }) => label === SOLVED))
      (sample.correction ? this.#corrections : this.#replay).add([sample]);
  }

  recall(rollout: JudgedRollout): void {
    this.#remember(rollout);
    this.#keep(rollout, this.#brancher?.known(rollout.index));
  }

  #draw(random: RandomStream): JudgedChunk[] {
    const { batchSize, corrections: share } = this.#options;
    const corrected = draw(this.#corrections.successes, Math.round(batchSize * share), random);
    return [...corrected, ...draw(this.#replay.successes, batchSize - corrected.length, random)];
  }

  #remember(rollout: JudgedRollout): void {
    this.#times.add(rollout.reward);
    const { seed } = this.#actor;
    const random = RandomStream.of(seed, 'farm', rollout.index);
    const farmed = farmChunks(rollout.reward, timesOf(this.#actor), this.#options.farmed, random);
    this.#replay.add(
      farmed.filter(({ label }) => label === SOLVED).map((chunk) => judgedChunk(rollout, chunk)),
    );
  }

  forget(path: string): void {
    this.#replay.drop(path);
    this.#corrections.drop(path);
  }

  state(): ReadonlyMap<string, Weight> {
    return new Map();
  }

  async close(): Promise<void> {}

  async #branch(rollout: JudgedRollout): Promise<LearningReport> {
    const step = this.#branchStep(rollout);
    if (!this.#brancher || step === undefined) return {};
    try {
      const result = await this.#brancher.branch(rollout, step);
      this.#keep(rollout, result);
      return { branches: result.tried, branchesSolved: result.solved };
    } catch (error) {
      if (!(error instanceof CorruptEpisodeError)) throw error;
      this.#actor.chunks.refuse(error);
      return {};
    }
  }

  /** Where to branch an episode, if at all. */
  #branchStep({ reward }: JudgedRollout): number | undefined {
    const { failures, centre } = this.#options;
    const { chunkSize, lastChunk } = this.#actor;
    const highest = highestReward(reward);
    if (highest === MAX_REWARD) return centre && successStep(reward)! >= lastChunk ? lastChunk : undefined;
    if (highest === NEAR_MISS) return lastChunk;
    return failures === 'any' ? this.#times.failedChunk(reward, chunkSize) : undefined;
  }

  /** A correction is an episode of its own, to be imitated from its first step. */
  #keep(rollout: JudgedRollout, result: BranchResult | undefined): void {
    if (result?.path === undefined) return;
    this.#corrections.add([{ ...judgedChunk(rollout, { start: 0, label: SOLVED }), path: result.path }]);
  }
}
