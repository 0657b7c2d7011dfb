/**
 * The normalisation of a LeRobot policy: a step of `policy_preprocessor.json`, with its numbers in a safetensors file
 * beside it; in older folders, which have no such file, buffers in `model.safetensors`.
 * Source: huggingface/lerobot processor/normalize_processor.py and processor/migrate_policy_normalization.py.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Normalisation } from '../../contract/checkpoint.js';
import { CheckpointError } from '../../contract/errors.js';
import type { Weight } from '../../network/actParameters.js';
import { readJson, readTensors } from './lerobotFiles.js';

export const PREPROCESSOR = 'policy_preprocessor.json';
export const NORMALIZER = 'normalizer_processor';

/** Added to the deviation before dividing; source: normalize_processor.py (eps). */
export const EPSILON = 1e-8;

/** How LeRobot scales an input or output. All of them are (x - mean) / std with a mean and std of their own. */
export type NormalizationMode = 'MEAN_STD' | 'MIN_MAX' | 'QUANTILES' | 'QUANTILE10' | 'IDENTITY';

/** The two numbers that each mode maps to -1 and 1. */
const BOUNDS = { MIN_MAX: ['min', 'max'], QUANTILES: ['q01', 'q99'], QUANTILE10: ['q10', 'q90'] } as const;

const processorSchema = z.looseObject({
  steps: z.array(z.looseObject({ registry_name: z.string().optional(), state_file: z.string().optional() })),
});

export class LerobotStatistics {
  readonly #path: string;
  readonly #numbers: (feature: string, statistic: string) => Weight | undefined;

  /** `model` are the tensors of model.safetensors. Throws CheckpointError. */
  constructor(folder: string, model: ReadonlyMap<string, Weight>) {
    const processor = join(folder, PREPROCESSOR);
    if (existsSync(processor)) {
      const { steps } = readJson(processor, processorSchema);
      const file = steps.find((step) => step.registry_name === NORMALIZER)?.state_file;
      if (file === undefined) {
        throw new CheckpointError(
          `${processor} has no step ${NORMALIZER} with a state_file: the policy has no statistics`,
        );
      }
      this.#path = join(folder, file);
      const tensors = readTensors(this.#path);
      this.#numbers = (feature, statistic) => tensors.get(`${feature}.${statistic}`);
    } else {
      this.#path = folder;
      this.#numbers = (feature, statistic) => {
        const buffer = `buffer_${feature.replaceAll('.', '_')}.${statistic}`;
        return model.get(`normalize_inputs.${buffer}`) ?? model.get(`unnormalize_outputs.${buffer}`);
      };
    }
  }

  /** Names in model.safetensors that hold statistics, of all places that LeRobot has kept them in. */
  static isStatistic(name: string): boolean {
    return /^(normalize_inputs|normalize_targets|unnormalize_outputs)\./.test(name);
  }

  /** Of a feature with `size` numbers (channels, for an image). Throws CheckpointError. */
  of(feature: string, size: number, mode: NormalizationMode): Normalisation {
    if (mode === 'IDENTITY') return { mean: Array<number>(size).fill(0), std: Array<number>(size).fill(1) };
    if (mode === 'MEAN_STD') {
      return {
        mean: this.#vector(feature, 'mean', size),
        std: this.#vector(feature, 'std', size).map((std) => std + EPSILON),
      };
    }
    // 2 (x - low) / (high - low) - 1
    const [low, high] = BOUNDS[mode].map((statistic) => this.#vector(feature, statistic, size));
    return {
      mean: low!.map((bound, i) => (bound + high![i]!) / 2),
      std: low!.map((bound, i) => (high![i]! - bound || EPSILON) / 2),
    };
  }

  #vector(feature: string, statistic: string, size: number): number[] {
    const tensor = this.#numbers(feature, statistic);
    if (tensor?.data.length !== size || !tensor.data.every(Number.isFinite)) {
      throw new CheckpointError(
        `${this.#path} has ${tensor ? `${tensor.data.length} numbers` : 'nothing'} for the ${statistic} of ${feature}, ` +
          `${size} finite ones are needed: a policy without its statistics cannot be served. Copy the whole folder, ` +
          `${PREPROCESSOR} and its safetensors files included`,
      );
    }
    return [...tensor.data];
  }
}
