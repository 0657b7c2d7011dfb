import { assert, array, integer, property, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ImageStatistics, VectorStatistics } from '#alohad/episodes/export/featureStatistics.js';

describe('statistics of a feature', () => {
  it('are those of the plain formulas (property)', () => {
    const value = integer({ min: -1000, max: 1000 });
    assert(
      property(array(tuple(value, value), { minLength: 1, maxLength: 50 }), (rows) => {
        const statistics = new VectorStatistics(2);
        for (const row of rows) statistics.add(row);
        const result = statistics.result();
        for (const column of [0, 1] as const) {
          const sorted = rows.map((row) => row[column]).sort((a, b) => a - b);
          const mean = sorted.reduce((a, b) => a + b) / sorted.length;
          const variance = sorted.reduce((sum, x) => sum + (x - mean) ** 2, 0) / sorted.length;
          const place = 0.5 * (sorted.length - 1);
          const median = (sorted[Math.floor(place)]! + sorted[Math.ceil(place)]!) / 2;
          expect(result.min[column]).toBe(sorted[0]);
          expect(result.max[column]).toBe(sorted.at(-1));
          expect(result.mean[column]).toBeCloseTo(mean, 8);
          expect(result.std[column]).toBeCloseTo(Math.sqrt(variance), 6);
          expect(result.q50[column]).toBeCloseTo(median, 8);
        }
        expect(result.count).toEqual([rows.length]);
      }),
      { numRuns: 50 },
    );
  });

  it('stay near the truth when only a part of many rows can be kept', () => {
    const statistics = new VectorStatistics(1);
    const rows = 200_000;
    for (let i = 0; i < rows; i++) statistics.add([(i * 7919) % rows]);
    const { q10, q50, q99, max, count } = statistics.result();
    expect([max[0], count[0]]).toEqual([rows - 1, rows]);
    expect(Math.abs(q10[0]! / rows - 0.1)).toBeLessThan(0.01);
    expect(Math.abs(q50[0]! / rows - 0.5)).toBeLessThan(0.01);
    expect(Math.abs(q99[0]! / rows - 0.99)).toBeLessThan(0.01);
  });

  it('of images are per channel and scaled to 0..1', () => {
    const statistics = new ImageStatistics();
    const image = new Uint8Array(3 * 1000);
    for (let i = 0; i < image.length; i += 3) image.set([255, 51, i % 2 === 0 ? 0 : 102], i);
    statistics.add(image);
    statistics.add(image);
    const { mean, min, max, std, q50, count } = statistics.result();
    expect(count).toEqual([2]);
    expect([min[0], max[0], mean[0], std[0]]).toEqual([1, 1, 1, 0]);
    expect(mean[1]).toBeCloseTo(0.2, 10);
    expect(q50[1]).toBeCloseTo(0.2, 10);
    expect([min[2], max[2]]).toEqual([0, 0.4]);
    expect(std[2]).toBeCloseTo(0.2, 6);
  });
});
