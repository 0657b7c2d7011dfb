/** Fisher's exact test, one-sided: whether a share of successes has fallen. Source: Fisher 1935. */
export interface Tally {
  readonly successes: number;
  readonly trials: number;
}

/** Chance of so few successes in `later`, or fewer, if both have the same rate. */
export function hasFallenP(before: Tally, later: Tally): number {
  const successes = before.successes + later.successes;
  const trials = before.trials + later.trials;
  const logTotal = logChoose(trials, later.trials);
  let p = 0;
  const fewest = Math.max(0, successes - before.trials);
  for (let k = fewest; k <= later.successes; k++)
    p += Math.exp(logChoose(successes, k) + logChoose(trials - successes, later.trials - k) - logTotal);
  return Math.min(1, p);
}

function logChoose(n: number, k: number): number {
  let sum = 0;
  for (let i = 1; i <= k; i++) sum += Math.log(n - k + i) - Math.log(i);
  return sum;
}
