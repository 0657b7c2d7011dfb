/** Percentiles of durations in fixed memory: recording is safe in a loop, no allocation and constant time. */

/** What is shown and stored of a histogram [ms]. */
export interface TimingSummary {
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Durations up to this share the first bucket [ms]. */
const FINEST_MS = 0.001;
/** Buckets per doubling: a percentile is at most 2^(1/16) = 4.4 % above the true value. */
const PER_OCTAVE = 16;
/** 1 us x 2^28 = 268 s; longer durations share the last bucket. */
const OCTAVES = 28;

export class TimingHistogram {
  readonly #buckets = new Uint32Array(PER_OCTAVE * OCTAVES + 1);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  /** Adds one duration [ms]; negative ones count as 0. NaN is a programming error and is counted as the longest. */
  record(ms: number): void {
    const octaves = ms > FINEST_MS ? Math.log2(ms / FINEST_MS) : ms <= FINEST_MS ? 0 : OCTAVES;
    const bucket = Math.min(Math.ceil(octaves * PER_OCTAVE), PER_OCTAVE * OCTAVES);
    this.#buckets[bucket] = this.#buckets[bucket]! + 1;
    this.#count++;
    this.#sumMs += ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  /** Upper bound of the shortest `fraction` (0..1) of the durations [ms]; 0 when there are none. */
  percentile(fraction: number): number {
    const wanted = Math.ceil(fraction * this.#count);
    let seen = 0;
    for (let bucket = 0; bucket < this.#buckets.length; bucket++) {
      seen += this.#buckets[bucket]!;
      if (seen >= wanted && seen > 0) return Math.min(FINEST_MS * 2 ** (bucket / PER_OCTAVE), this.#maxMs);
    }
    return 0;
  }

  /** Adds the durations of another histogram, e.g. of the next episode. */
  merge(other: TimingHistogram): void {
    for (let bucket = 0; bucket < this.#buckets.length; bucket++) {
      this.#buckets[bucket] = this.#buckets[bucket]! + other.#buckets[bucket]!;
    }
    this.#count += other.#count;
    this.#sumMs += other.#sumMs;
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs);
  }

  /** Upper bound [ms] and count of every bucket that is not empty, shortest first: for drawing. */
  rows(): [number, number][] {
    const rows: [number, number][] = [];
    this.#buckets.forEach((count, bucket) => {
      if (count > 0) rows.push([FINEST_MS * 2 ** (bucket / PER_OCTAVE), count]);
    });
    return rows;
  }

  summary(): TimingSummary {
    return {
      count: this.#count,
      meanMs: this.#count > 0 ? this.#sumMs / this.#count : 0,
      p50Ms: this.percentile(0.5),
      p99Ms: this.percentile(0.99),
      maxMs: this.#maxMs,
    };
  }

  clear(): void {
    this.#buckets.fill(0);
    this.#count = 0;
    this.#sumMs = 0;
    this.#maxMs = 0;
  }
}
