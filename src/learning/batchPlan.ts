/**
 * Which samples make up which batch: known for the whole run from its seed, so that loaders can work ahead and a
 * resumed run draws on as if it had never stopped.
 */
import type { Sample } from '../episodes/sampler.js';
import { Sampler } from '../episodes/sampler.js';
import type { TrainingConfig } from './trainingConfig.js';

/** One batch to be made. */
export interface BatchJob {
  readonly kind: 'training' | 'validation';
  /** Number of the optimizer step, or of the validation batch. */
  readonly index: number;
}

/** Lengths and roles of the episodes of a run. */
export interface EpisodeSplit {
  /** Control steps of every episode. */
  readonly lengths: readonly number[];
  /** Places of the training and held-out episodes in that list. */
  readonly training: readonly number[];
  readonly validation: readonly number[];
}

export class BatchPlan {
  readonly #config: TrainingConfig;
  readonly #split: EpisodeSplit;
  readonly #sampler: Sampler;

  constructor(config: TrainingConfig, split: EpisodeSplit) {
    this.#config = config;
    this.#split = split;
    const starts = split.training.map((episode) => Math.ceil(split.lengths[episode]! / config.startStride));
    this.#sampler = new Sampler(starts, config.seed);
  }

  /** Steps after which the batches of a validation come. */
  isValidated(step: number): boolean {
    return (
      this.validationBatches > 0 &&
      (step % this.#config.validation.every === 0 || step === this.#config.steps)
    );
  }

  get validationBatches(): number {
    return this.#split.validation.length === 0 ? 0 : this.#config.validation.batches;
  }

  /** All jobs of the run behind step `done`, in the order in which they are needed. */
  *jobs(done: number): Generator<BatchJob> {
    for (let step = done; step < this.#config.steps; step++) {
      yield { kind: 'training', index: step };
      if (!this.isValidated(step + 1)) continue;
      for (let index = 0; index < this.validationBatches; index++) yield { kind: 'validation', index };
    }
  }

  samples(job: BatchJob): Sample[] {
    const { batchSize, startStride } = this.#config;
    return Array.from({ length: batchSize }, (_, i) => {
      const position = job.index * batchSize + i;
      if (job.kind === 'validation') return this.#validationSample(position);
      const { episode, step } = this.#sampler.at(position);
      return { episode: this.#split.training[episode]!, step: step * startStride };
    });
  }

  /** The held-out samples are spread evenly: every episode in turn, start steps by the golden ratio. */
  #validationSample(position: number): Sample {
    const { validation, lengths } = this.#split;
    const episode = validation[position % validation.length]!;
    const part = (position * 0.6180339887498949) % 1;
    return { episode, step: Math.floor(part * lengths[episode]!) };
  }
}
