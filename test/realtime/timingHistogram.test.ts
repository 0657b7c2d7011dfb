import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimingHistogram } from '#alohad/realtime/timingHistogram.js';

const durations = fc.array(fc.double({ min: 0.001, max: 100_000, noNaN: true }), {
  minLength: 1,
  maxLength: 300,
});

function filled(values: readonly number[]): TimingHistogram {
  const histogram = new TimingHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

describe('TimingHistogram', () => {
  it('gives percentiles at most 4.5 % above the true ones, and the exact maximum', () => {
    fc.assert(
      fc.property(durations, fc.constantFrom(0.01, 0.5, 0.9, 0.99, 1), (values, fraction) => {
        const sorted = values.toSorted((a, b) => a - b);
        const exact = sorted[Math.ceil(fraction * sorted.length) - 1]!;
        const histogram = filled(values);
        expect(histogram.percentile(fraction)).toBeGreaterThanOrEqual(exact * (1 - 1e-12));
        expect(histogram.percentile(fraction)).toBeLessThanOrEqual(exact * 1.045);
        expect(histogram.summary().maxMs).toBe(sorted.at(-1));
      }),
    );
  });

  it('merges to the histogram of all durations', () => {
    fc.assert(
      fc.property(durations, durations, (a, b) => {
        const merged = filled(a);
        merged.merge(filled(b));
        const { meanMs, ...summary } = filled([...a, ...b]).summary();
        expect(merged.summary()).toMatchObject(summary);
        expect(merged.summary().meanMs).toBeCloseTo(meanMs, 6);
      }),
    );
  });

  it('is zero when empty, and again after clear', () => {
    const nothing = { count: 0, meanMs: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 };
    const histogram = new TimingHistogram();
    expect(histogram.summary()).toEqual(nothing);
    histogram.record(3);
    histogram.clear();
    expect(histogram.summary()).toEqual(nothing);
  });

  it('takes zero, negative and endless durations without leaving its buckets', () => {
    const histogram = filled([0, -1, 1e12]);
    expect(histogram.percentile(0.5)).toBeLessThanOrEqual(0.001);
    expect(histogram.summary()).toMatchObject({ count: 3, maxMs: 1e12 });
  });
});
