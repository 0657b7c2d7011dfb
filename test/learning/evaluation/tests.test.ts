import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactMcnemar } from '#alohad/learning/evaluation/mcnemar.js';
import { hasFallenP } from '#alohad/learning/evaluation/proportions.js';
import { Sprt } from '#alohad/learning/evaluation/sprt.js';
import { CriticReport } from '#alohad/learning/finetune/criticReport.js';
import { lowerBound } from '#alohad/learning/statistics.js';

/** mulberry32, so that the simulated expectations below are the same every time. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

describe('one-sided lower bound', () => {
  it('agrees with scipy.stats.beta.ppf', () => {
    expect(lowerBound(208, 250)).toBeCloseTo(0.7881985041109656, 12);
    expect(lowerBound(219, 250)).toBeCloseTo(0.8363344796256775, 12);
  });

  // Thresholds of facts/act-and-finetuning.md section 5: the least count that shows more than the rate.
  it.each([
    [0.832, 219, 250],
    [0.832, 431, 500],
    [0.832, 852, 1000],
    [0.876, 228, 250],
    [0.876, 894, 1000],
    [0.95, 244, 250],
    [0.95, 484, 500],
    [0.95, 962, 1000],
    [0.95, 1917, 2000],
  ])('shows more than %d from %d of %d on', (rate, successes, trials) => {
    expect(lowerBound(successes, trials)).toBeGreaterThan(rate);
    expect(lowerBound(successes - 1, trials)).toBeLessThanOrEqual(rate);
  });
});

describe('exact McNemar test', () => {
  // scipy.stats.binomtest(first, first + second, 0.5), alternative 'two-sided' and 'greater'.
  it.each([
    [10, 3, 0.09228515625, 0.046142578125],
    [3, 10, 0.09228515625, 0.98876953125],
    [0, 6, 0.03125, 1],
    [5, 5, 1, 0.623046875],
    [0, 0, 1, 1],
    [40, 12, 0.0001275387838557407, 0.00006376939192787034],
  ])('%d against %d', (first, second, twoSided, oneSided) => {
    const result = exactMcnemar(first, second);
    expect(result.twoSided).toBeCloseTo(twoSided, 10);
    expect(result.oneSided).toBeCloseTo(oneSided, 10);
  });

  it('is symmetric, and a greater majority is less likely (property)', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), (first, second) => {
        const { twoSided, oneSided } = exactMcnemar(first, second);
        expect(exactMcnemar(second, first).twoSided).toBeCloseTo(twoSided, 9);
        expect(exactMcnemar(first + 1, second).oneSided).toBeLessThanOrEqual(oneSided + 1e-9);
        expect(twoSided).toBeGreaterThanOrEqual(0);
        expect(twoSided).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('fall of a success rate', () => {
  // scipy.stats.fisher_exact([[a, n - a], [b, m - b]], alternative='greater').
  it.each([
    [45, 50, 20, 50, 9.791558337240133e-8],
    [8, 10, 3, 10, 0.03488925934746368],
    [25, 50, 25, 50, 0.5791923305806652],
    [10, 50, 40, 50, 1],
    [0, 5, 0, 5, 1],
  ])('from %d of %d to %d of %d', (a, n, b, m, p) => {
    const found = hasFallenP({ successes: a, trials: n }, { successes: b, trials: m });
    expect(found / p).toBeCloseTo(1, 9);
  });
});

describe('sequential test', () => {
  const screen = (rate: number, random: () => number) => {
    const test = new Sprt({ p0: 0.9, p1: 0.95 });
    while (test.verdict === 'continue') test.add(random() < rate);
    return test;
  };

  // Expected lengths of facts section 5, by Wald's approximation; overshoot and the cap move them a little.
  it.each([
    [0.8, 31, 'reject'],
    [0.85, 51, 'reject'],
    [0.9, 128, 'reject'],
    [0.95, 159, 'accept'],
  ] as const)('at a rate of %d needs about %d outcomes to %s', (rate, expected, verdict) => {
    const random = generator(7);
    const runs = Array.from({ length: 2000 }, () => screen(rate, random));
    const mean = runs.reduce((sum, { trials }) => sum + trials, 0) / runs.length;
    expect(mean / expected).toBeGreaterThan(0.85);
    expect(mean / expected).toBeLessThan(1.2);
    const right = runs.filter((run) => run.verdict === verdict).length / runs.length;
    expect(right).toBeGreaterThan(0.93);
  });

  it('stops at its cap, keeps its verdict, refuses rates out of order', () => {
    const test = new Sprt({ p0: 0.5, p1: 0.51, cap: 10 });
    for (let i = 0; i < 20; i++) test.add(i % 2 === 0);
    expect(test.verdict).toBe('undecided');
    expect(test.trials).toBe(10);
    const sure = new Sprt({ p0: 0.1, p1: 0.9 });
    sure.add(true);
    expect(sure.add(true)).toBe('accept');
    expect(sure.add(false)).toBe('accept');
    expect(() => new Sprt({ p0: 0.95, p1: 0.9 })).toThrow('0 < p0 < p1 < 1');
  });
});

describe('critic report', () => {
  it('counts each kind of error, and calibration', () => {
    const report = new CriticReport();
    for (const [value, label] of [
      [0.4, 0.5],
      [-0.1, 0.5],
      [0.2, -0.5],
      [-0.5, -0.5],
      [-0.9, -0.5],
    ] as const)
      report.add(value, label);
    const { overEstimation, underEstimation, balancedError, auc, brier } = report.quality;
    expect(overEstimation).toBeCloseTo(1 / 3);
    expect(underEstimation).toBeCloseTo(1 / 2);
    expect(balancedError).toBeCloseTo(5 / 12);
    expect(auc).toBeCloseTo(5 / 6);
    // (0.1^2 + 0.6^2 + 0.7^2 + 0 + 0) / 5
    expect(brier).toBeCloseTo(0.172);
  });

  it('knows nothing of a kind it has not seen, and forgets after a hundred', () => {
    const report = new CriticReport();
    report.add(0.5, 0.5);
    expect(report.quality.overEstimation).toBeNaN();
    expect(report.quality.auc).toBeNaN();
    for (let i = 0; i < 100; i++) report.add(-0.5, -0.5);
    expect(report.quality.underEstimation).toBeNaN();
    expect(report.quality.brier).toBe(0);
  });
});
