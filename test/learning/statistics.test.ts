import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clopperPearson, wilson } from '#alohad/learning/statistics.js';

const percent = ({ low, high }: { low: number; high: number }) =>
  [low, high].map((x) => Math.round(x * 1000) / 10);

describe('success intervals', () => {
  // Values of the protocol in facts/act-and-finetuning.md section 5, and of R's binom.test for 0/10 and 10/10.
  it('agree with published values', () => {
    expect(percent(clopperPearson(208, 250))).toEqual([78, 87.6]);
    expect(percent(wilson(208, 250))).toEqual([78.1, 87.3]);
    expect(percent(clopperPearson(25, 50))).toEqual([35.5, 64.5]);
    expect(percent(clopperPearson(238, 250))).toEqual([91.8, 97.5]);
    expect(percent(clopperPearson(475, 500))).toEqual([92.7, 96.7]);
    expect(percent(clopperPearson(0, 10))).toEqual([0, 30.8]);
    expect(percent(clopperPearson(10, 10))).toEqual([69.2, 100]);
    expect(percent(wilson(0, 0))).toEqual([0, 100]);
  });

  it('hold the rate, mirror, and grow with confidence (property)', () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 3000 })
          .chain((n) => fc.tuple(fc.integer({ min: 0, max: n }), fc.constant(n))),
        fc.constantFrom(wilson, clopperPearson),
        ([k, n], interval) => {
          const { low, high } = interval(k, n);
          const mirrored = interval(n - k, n);
          const wider = interval(k, n, 0.99);
          expect(low).toBeLessThanOrEqual(k / n);
          expect(high).toBeGreaterThanOrEqual(k / n);
          expect(mirrored.low).toBeCloseTo(1 - high, 9);
          expect(mirrored.high).toBeCloseTo(1 - low, 9);
          expect(wider.low).toBeLessThanOrEqual(low);
          expect(wider.high).toBeGreaterThanOrEqual(high);
        },
      ),
    );
  });

  it('leave each tail its share: summed from the binomial distribution', () => {
    // 7 of 20 by plain summation, as the slow reference.
    const { low, high } = clopperPearson(7, 20);
    const chance = (k: number, p: number) => {
      let choose = 1;
      for (let i = 1; i <= k; i++) choose *= (20 - k + i) / i;
      return choose * p ** k * (1 - p) ** (20 - k);
    };
    const sum = (from: number, to: number, p: number) => {
      let total = 0;
      for (let k = from; k <= to; k++) total += chance(k, p);
      return total;
    };
    expect(sum(7, 20, low)).toBeCloseTo(0.025, 10);
    expect(sum(0, 7, high)).toBeCloseTo(0.025, 10);
  });

  it('refuse impossible counts', () => {
    expect(() => wilson(3, 2)).toThrow('no interval for 3 successes in 2 trials');
    expect(() => clopperPearson(-1, 2)).toThrow(RangeError);
  });
});
