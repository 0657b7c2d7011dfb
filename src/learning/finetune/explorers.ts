/**
 * Several actors that collect (future work of the report; facts, section 2.3): every fifty roll-outs copies branch off
 * the main actor, take some steps each on batches of their own, and take turns to play. Only the main actor is trained
 * on what they bring, and only it is served.
 */
import type { RolloutSource } from '../../contract/rollout.js';
import type { ActorTrainer } from '../../network/actorTrainer.js';
import type { Weight } from '../../network/actParameters.js';

export const BRANCH_EVERY = 50;

export interface ExplorerOptions {
  readonly count: number;
  /** Steps that a copy takes after it has branched off. */
  readonly steps: number;
}

export class Explorers {
  readonly #main: ActorTrainer;
  readonly #copy: ActorTrainer;
  readonly #options: ExplorerOptions;
  readonly #learn: (copy: ActorTrainer, explorer: number, step: number) => Promise<void>;
  #weights: Float32Array[] = [];

  /** `learn` takes one step of `copy`, from random streams named after explorer and step. */
  constructor(
    main: ActorTrainer,
    copy: ActorTrainer,
    options: ExplorerOptions,
    learn: (copy: ActorTrainer, explorer: number, step: number) => Promise<void>,
  ) {
    this.#main = main;
    this.#copy = copy;
    this.#options = options;
    this.#learn = learn;
  }

  /** Branches all copies off anew when `rollouts` has come to the next fifty. */
  async branchWhenDue(rollouts: number): Promise<void> {
    if (rollouts % BRANCH_EVERY !== 0) return;
    this.#weights = [];
    for (let explorer = 0; explorer < this.#options.count; explorer++) {
      this.#copy.load(this.#main.state());
      for (let step = 0; step < this.#options.steps; step++)
        await this.#learn(this.#copy, explorer, rollouts * this.#options.steps + step);
      this.#weights.push(this.#copy.learner.optimizer.weights.slice());
    }
  }

  /** The copies' weights, as tensors to be saved. */
  state(): Map<string, Weight> {
    return new Map(
      this.#weights.map((data, i) => [`explorer/${i}`, { shape: [data.length], data }] as const),
    );
  }

  load(state: ReadonlyMap<string, Weight>): void {
    this.#weights = [...state].flatMap(([name, { data }]) => (name.startsWith('explorer/') ? [data] : []));
  }

  /** Publishes the actor whose turn it is for roll-out `index`; the main one takes turns too. */
  publishFor(index: number, source: RolloutSource): void {
    const turn = index % (this.#weights.length + 1);
    if (turn > 0) source.publish({ version: index, weights: this.#weights[turn - 1]! });
  }

  async close(): Promise<void> {
    await this.#copy.close();
  }
}
