/**
 * Branching self-imitation (facts, section 4 rank 2): where the last chunk failed, the simulator goes back to its start
 * and tries the same chunk with structured offsets; what succeeds, and still succeeds beside it, is imitated from the
 * very observation that the policy failed on. Successes are imitated as they were played.
 *
 * Without branches it is filtered behaviour cloning of the policy's own successes (rank 5).
 */
import { RandomStream } from '../../episodes/randomStream.js';
import type { ActorTrainer } from '../../network/actorTrainer.js';
import type { Actor, Algorithm, JudgedRollout, LearningReport } from './actor.js';
import { exploreSuccesses, fetchBatch, judgedChunk, timesOf } from './actor.js';
import { FAILED, farmChunks, lastChunk, SOLVED } from './farming.js';
import type { JudgedChunk } from './replay.js';
import { draw, Replay } from './replay.js';
import type { Weight } from '../../network/actParameters.js';

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
  /** What was tried before the run was stopped is not tried again. */
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
}

export class SelfImitation implements Algorithm {
  readonly name = 'self-imitation';
  readonly #actor: Actor;
  readonly #options: SelfImitationOptions;
  readonly #brancher: Brancher | undefined;
  readonly #replay: Replay;

  constructor(actor: Actor, options: SelfImitationOptions, brancher?: Brancher) {
    this.#actor = actor;
    this.#options = options;
    this.#brancher = brancher;
    this.#replay = new Replay(options.capacity);
  }

  get sizes() {
    return { successes: this.#replay.successes.length, failures: 0 };
  }

  async learn(rollout: JudgedRollout): Promise<LearningReport> {
    this.#remember(rollout);
    const branched = await this.#branch(rollout);
    const { successes } = this.#replay;
    if (successes.length === 0) return branched;
    let report: LearningReport = branched;
    for (let step = 0; step < this.#options.actorSteps; step++) {
      const stream = `imitate ${rollout.index}.${step}`;
      const random = RandomStream.of(this.#actor.seed, 'draw', stream);
      const samples = draw(successes, this.#options.batchSize, random);
      const { loss, gradientNorm } = await this.#actor.trainer.surrogate(
        await fetchBatch(this.#actor, samples, stream),
        new Float32Array(samples.length).fill(1),
        stream,
      );
      report = { ...branched, loss, gradientNorm };
    }
    return report;
  }

  async explore(copy: ActorTrainer, explorer: number, step: number): Promise<void> {
    const stream = `explorer ${explorer} step ${step}`;
    await exploreSuccesses(this.#actor, copy, this.#replay.successes, this.#options.batchSize, stream);
  }

  addPrior(samples: readonly JudgedChunk[]): void {
    this.#replay.add(samples.filter(({ label }) => label === SOLVED));
  }

  recall(rollout: JudgedRollout): void {
    this.#remember(rollout);
    this.#keep(rollout, this.#brancher?.known(rollout.index));
  }

  #remember(rollout: JudgedRollout): void {
    const { seed } = this.#actor;
    const random = RandomStream.of(seed, 'farm', rollout.index);
    const farmed = farmChunks(rollout.reward, timesOf(this.#actor), this.#options.farmed, random);
    this.#replay.add(
      farmed.filter(({ label }) => label === SOLVED).map((chunk) => judgedChunk(rollout, chunk)),
    );
  }

  forget(path: string): void {
    this.#replay.drop(path);
  }

  state(): ReadonlyMap<string, Weight> {
    return new Map();
  }

  async close(): Promise<void> {}

  async #branch(rollout: JudgedRollout): Promise<LearningReport> {
    const chunk = lastChunk(rollout.reward, timesOf(this.#actor));
    if (!this.#brancher || chunk?.label !== FAILED) return {};
    const result = await this.#brancher.branch(rollout, chunk.start);
    this.#keep(rollout, result);
    return { branches: result.tried, branchesSolved: result.solved };
  }

  /** A robust branch is an episode of its own, to be imitated from its first step. */
  #keep(rollout: JudgedRollout, result: BranchResult | undefined): void {
    if (result?.path === undefined) return;
    this.#replay.add([{ ...judgedChunk(rollout, { start: 0, label: SOLVED }), path: result.path }]);
  }
}
