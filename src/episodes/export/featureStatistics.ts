/**
 * Statistics of a feature over its frames, as LeRobot stores them: minimum, maximum, mean, standard deviation, count
 * and quantiles. Memory is bounded however long the dataset grows.
 */

export interface FeatureStatistics {
  readonly min: readonly number[];
  readonly max: readonly number[];
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly count: readonly number[];
  readonly q01: readonly number[];
  readonly q10: readonly number[];
  readonly q50: readonly number[];
  readonly q90: readonly number[];
  readonly q99: readonly number[];
}

/** Quantiles by name; source: LeRobot compute_stats.py (DEFAULT_QUANTILES). */
const QUANTILES = { q01: 0.01, q10: 0.1, q50: 0.5, q90: 0.9, q99: 0.99 } as const;

/** Rows that quantiles are taken from at most; exact up to so many, then of every second row, every fourth, ... */
const SAMPLE_ROWS = 1 << 16;

/** Vectors of a fixed length. */
export class VectorStatistics {
  readonly #size: number;
  readonly #min: Float64Array;
  readonly #max: Float64Array;
  readonly #mean: Float64Array;
  /** Sum of squared distances from the mean (Welford). */
  readonly #spread: Float64Array;
  #sample: Float64Array[] = [];
  #stride = 1;
  #rows = 0;

  constructor(size: number) {
    this.#size = size;
    this.#min = new Float64Array(size).fill(Infinity);
    this.#max = new Float64Array(size).fill(-Infinity);
    this.#mean = new Float64Array(size);
    this.#spread = new Float64Array(size);
  }

  add(row: ArrayLike<number>): void {
    if (this.#rows % this.#stride === 0) {
      this.#sample.push(Float64Array.from(row));
      if (this.#sample.length === SAMPLE_ROWS) {
        this.#sample = this.#sample.filter((_, i) => i % 2 === 0);
        this.#stride *= 2;
      }
    }
    this.#rows += 1;
    for (let i = 0; i < this.#size; i++) {
      const value = row[i]!;
      const distance = value - this.#mean[i]!;
      this.#mean[i]! += distance / this.#rows;
      this.#spread[i]! += distance * (value - this.#mean[i]!);
      this.#min[i] = Math.min(this.#min[i]!, value);
      this.#max[i] = Math.max(this.#max[i]!, value);
    }
  }

  result(): FeatureStatistics {
    const columns = Array.from({ length: this.#size }, (_, i) =>
      Float64Array.from(this.#sample, (row) => row[i]!).sort(),
    );
    const quantile = (q: number): number[] => columns.map((sorted) => quantileOf(sorted, q));
    return {
      min: [...this.#min],
      max: [...this.#max],
      mean: [...this.#mean],
      std: Array.from(this.#spread, (sum) => Math.sqrt(sum / this.#rows)),
      count: [this.#rows],
      q01: quantile(QUANTILES.q01),
      q10: quantile(QUANTILES.q10),
      q50: quantile(QUANTILES.q50),
      q90: quantile(QUANTILES.q90),
      q99: quantile(QUANTILES.q99),
    };
  }
}

const CHANNELS = 3;
/** Every so many pixels of an image count: neighbours are alike. */
const PIXEL_STRIDE = 5;

/** Images, per channel, scaled to 0..1: counted in 256 classes, so that nothing is lost. */
export class ImageStatistics {
  readonly #counts = Array.from({ length: CHANNELS }, () => new Float64Array(256));
  #images = 0;

  /** `rgb`: height x width x 3. */
  add(rgb: Uint8Array): void {
    this.#images += 1;
    for (let i = 0; i < rgb.length; i += CHANNELS * PIXEL_STRIDE) {
      for (let channel = 0; channel < CHANNELS; channel++) this.#counts[channel]![rgb[i + channel]!]! += 1;
    }
  }

  result(): FeatureStatistics {
    const each = (value: (counts: Float64Array, total: number) => number): number[] =>
      this.#counts.map((counts) =>
        value(
          counts,
          counts.reduce((a, b) => a + b, 0),
        ),
      );
    const mean = each((counts, total) => counts.reduce((sum, n, value) => sum + n * value, 0) / total / 255);
    const square = each(
      (counts, total) => counts.reduce((sum, n, value) => sum + n * value ** 2, 0) / total / 255 ** 2,
    );
    const rank = (q: number): number[] =>
      each((counts, total) => {
        let below = 0;
        return counts.findIndex((n) => n > 0 && (below += n) >= q * total) / 255;
      });
    return {
      min: rank(0),
      max: rank(1),
      mean,
      std: mean.map((m, i) => Math.sqrt(Math.max(0, square[i]! - m ** 2))),
      count: [this.#images],
      q01: rank(QUANTILES.q01),
      q10: rank(QUANTILES.q10),
      q50: rank(QUANTILES.q50),
      q90: rank(QUANTILES.q90),
      q99: rank(QUANTILES.q99),
    };
  }
}

/** Between the two nearest values, in proportion. */
function quantileOf(sorted: Float64Array, q: number): number {
  const place = q * (sorted.length - 1);
  const below = sorted[Math.floor(place)]!;
  return below + (place - Math.floor(place)) * (sorted[Math.ceil(place)]! - below);
}
