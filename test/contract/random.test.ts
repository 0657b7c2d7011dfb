import { describe, expect, it } from 'vitest';
import { Random } from '#alohad/contract/random.js';

const draws = (random: Random, count: number): number[] =>
  Array.from({ length: count }, () => random.uniform());
const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

describe('random', () => {
  it('is a pure function of seed and purpose', () => {
    expect(draws(new Random(1, 'a'), 5)).toEqual(draws(new Random(1, 'a'), 5));
    expect(draws(new Random(1, 'a'), 5)).not.toEqual(draws(new Random(2, 'a'), 5));
    expect(draws(new Random(1, 'a'), 5)).not.toEqual(draws(new Random(1, 'b'), 5));
    expect(draws(new Random(2 ** 32, 'a'), 5)).not.toEqual(draws(new Random(0, 'a'), 5));
  });

  it('never changes: recorded seeds must mean the same for ever', () => {
    expect(new Random(42, 'pinned').uint32()).toBe(2201592475);
  });

  it('is uniform, and independent between neighbouring seeds', () => {
    const values = draws(new Random(3, 'uniform'), 20_000);
    expect(mean(values)).toBeCloseTo(0.5, 2);
    expect(mean(values.map((x) => (x - 0.5) ** 2))).toBeCloseTo(1 / 12, 2);
    const firsts = Array.from({ length: 20_000 }, (_, seed) => new Random(seed, 'first').uniform() - 0.5);
    expect(mean(firsts)).toBeCloseTo(0, 2);
    expect(mean(firsts.slice(1).map((x, i) => x * firsts[i]!))).toBeCloseTo(0, 2);
  });

  it('is normal with the given deviation', () => {
    const random = new Random(4, 'normal');
    const values = Array.from({ length: 20_000 }, () => random.normal(2));
    expect(mean(values)).toBeCloseTo(0, 1);
    expect(Math.sqrt(mean(values.map((x) => x * x)))).toBeCloseTo(2, 1);
  });

  it('draws every integer and shuffles without loss', () => {
    const random = new Random(5, 'integers');
    expect(new Set(Array.from({ length: 200 }, () => random.integer(5)))).toEqual(new Set([0, 1, 2, 3, 4]));
    const items = Array.from({ length: 50 }, (_, i) => i);
    const shuffled = random.shuffle([...items]);
    expect(shuffled).not.toEqual(items);
    expect(shuffled.sort((a, b) => a - b)).toEqual(items);
  });
});
