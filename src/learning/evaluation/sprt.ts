/**
 * Wald's sequential probability ratio test (1945): looks at outcomes one by one and stops as soon as a candidate is
 * clearly bad or clearly good. It screens candidates; the share of successes at its end is biased, so it is never an
 * estimate.
 */

export interface SprtOptions {
  /** Success rate of a bad candidate. */
  readonly p0: number;
  /** Success rate of a good one. */
  readonly p1: number;
  /** Probability of accepting a bad one; 0.05 when absent. */
  readonly alpha?: number;
  /** Probability of rejecting a good one; 0.05 when absent. */
  readonly beta?: number;
  /** Outcomes after which it ends undecided; 500 when absent. */
  readonly cap?: number;
}

/** `undecided`: the cap was reached. */
export type SprtVerdict = 'accept' | 'reject' | 'continue' | 'undecided';

export class Sprt {
  readonly #options: Required<SprtOptions>;
  /** Logarithm of how many times likelier the outcomes are at p1 than at p0. */
  #logRatio = 0;
  #trials = 0;
  #verdict: SprtVerdict = 'continue';

  /** Throws RangeError unless 0 < p0 < p1 < 1. */
  constructor({ p0, p1, alpha = 0.05, beta = 0.05, cap = 500 }: SprtOptions) {
    if (!(p0 > 0 && p0 < p1 && p1 < 1))
      throw new RangeError(`a sequential test needs 0 < p0 < p1 < 1, not p0 = ${p0} and p1 = ${p1}`);
    this.#options = { p0, p1, alpha, beta, cap };
  }

  get verdict(): SprtVerdict {
    return this.#verdict;
  }

  /** Outcomes looked at. */
  get trials(): number {
    return this.#trials;
  }

  /** Takes the next outcome; once decided, no more. */
  add(success: boolean): SprtVerdict {
    if (this.#verdict !== 'continue') return this.#verdict;
    const { p0, p1, alpha, beta, cap } = this.#options;
    this.#trials++;
    this.#logRatio += success ? Math.log(p1 / p0) : Math.log((1 - p1) / (1 - p0));
    if (this.#logRatio >= Math.log((1 - beta) / alpha)) this.#verdict = 'accept';
    else if (this.#logRatio <= Math.log(beta / (1 - alpha))) this.#verdict = 'reject';
    else if (this.#trials >= cap) this.#verdict = 'undecided';
    return this.#verdict;
  }
}
