/**
 * McNemar's exact test for two policies on the same poses: only poses on which they disagree count, and without a
 * difference either is as likely to win one. Source: McNemar 1947, exact binomial form.
 */
export interface McnemarResult {
  /** Chance of a difference at least as large in either direction, if there is none. */
  readonly twoSided: number;
  /** Chance that the first wins at least as often, if there is no difference. */
  readonly oneSided: number;
}

/** `first`: poses that only the first policy solved; `second`: those that only the second did. */
export function exactMcnemar(first: number, second: number): McnemarResult {
  const trials = first + second;
  const oneSided = atLeastOfFairCoin(first, trials);
  const extreme = atLeastOfFairCoin(Math.max(first, second), trials);
  return { oneSided, twoSided: Math.min(1, 2 * extreme) };
}

/** Probability of `k` or more heads in `n` throws of a fair coin. */
function atLeastOfFairCoin(k: number, n: number): number {
  let sum = 0;
  let logTerm = -n * Math.LN2;
  for (let heads = 0; heads <= n; heads++) {
    if (heads >= k) sum += Math.exp(logTerm);
    logTerm += Math.log(n - heads) - Math.log(heads + 1);
  }
  return Math.min(1, sum);
}
