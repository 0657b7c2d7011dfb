/** Intervals of a success rate: Wilson's for plots, Clopper and Pearson's exact one for claims. */

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Wilson's score interval of k successes in n trials; (0, 1) when n is 0. */
export function wilson(successes: number, trials: number, confidence = 0.95): Interval {
  check(successes, trials, confidence);
  if (trials === 0) return { low: 0, high: 1 };
  const z = normalQuantile(1 - (1 - confidence) / 2);
  const rate = successes / trials;
  const scale = 1 + (z * z) / trials;
  const centre = (rate + (z * z) / (2 * trials)) / scale;
  const half = (z / scale) * Math.sqrt((rate * (1 - rate)) / trials + (z * z) / (4 * trials * trials));
  // The ends are exact there; rounding must not leave [0, 1] nor miss them.
  return {
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === trials ? 1 : Math.min(1, centre + half),
  };
}

/** The exact (conservative) interval of k successes in n trials; (0, 1) when n is 0. */
export function clopperPearson(successes: number, trials: number, confidence = 0.95): Interval {
  check(successes, trials, confidence);
  const tail = (1 - confidence) / 2;
  // The chance of at least k successes grows with the rate: the ends are where each tail has its share.
  const low = successes === 0 ? 0 : solve((rate) => atLeast(successes, trials, rate), tail);
  const high = successes === trials ? 1 : solve((rate) => atLeast(successes + 1, trials, rate), 1 - tail);
  return { low, high };
}

/**
 * The exact one-sided lower bound: the rate is above it with the given confidence. "More than 83.2 %" is shown when
 * this is more than 0.832.
 */
export function lowerBound(successes: number, trials: number, confidence = 0.95): number {
  return clopperPearson(successes, trials, 1 - 2 * (1 - confidence)).low;
}

/** Probability of `k` or more successes in `n` trials. */
function atLeast(k: number, n: number, rate: number): number {
  if (rate <= 0 || rate >= 1) return rate <= 0 ? 0 : 1;
  // Sums the shorter tail, from the largest term down, each from the one before: exact to rounding for any n.
  const upper = k > n * rate;
  const step = upper ? 1 : -1;
  let count = upper ? k : k - 1;
  let term = Math.exp(logChoose(n, count) + count * Math.log(rate) + (n - count) * Math.log1p(-rate));
  let sum = 0;
  const odds = rate / (1 - rate);
  while (count >= 0 && count <= n && term > 0) {
    sum += term;
    term *= upper ? ((n - count) / (count + 1)) * odds : count / (n - count + 1) / odds;
    count += step;
    if (term < sum * 1e-17) break;
  }
  return upper ? sum : 1 - sum;
}

function logChoose(n: number, k: number): number {
  let sum = 0;
  for (let i = 1; i <= Math.min(k, n - k); i++) sum += Math.log((n - Math.min(k, n - k) + i) / i);
  return sum;
}

/** The rate in (0, 1) at which the increasing `f` reaches `target`, by bisection. */
function solve(f: (rate: number) => number, target: number): number {
  let low = 0;
  let high = 1;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (f(middle) < target) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** z with the standard normal's cumulative probability `p`, by bisection on the complementary error function. */
function normalQuantile(p: number): number {
  let low = -10;
  let high = 10;
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Series of Abramowitz and Stegun 26.2.11: exact to rounding for |z| < 6. */
function normalCdf(z: number): number {
  let term = z;
  let sum = z;
  for (let i = 1; Math.abs(term) > 1e-17 * Math.abs(sum); i++) {
    term *= (z * z) / (2 * i + 1);
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);
}

function check(successes: number, trials: number, confidence: number): void {
  if (successes < 0 || successes > trials || !(confidence > 0 && confidence < 1)) {
    throw new RangeError(
      `no interval for ${successes} successes in ${trials} trials at confidence ${confidence}`,
    );
  }
}
