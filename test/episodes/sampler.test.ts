import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EpisodeError } from '#alohad/contract/errors.js';
import { RandomStream } from '#alohad/episodes/randomStream.js';
import { Sampler, splitEpisodes } from '#alohad/episodes/sampler.js';

describe('the sampler', () => {
  it('draws every step of every episode once per epoch, each epoch in another order', () => {
    const lengths = [3, 0, 7, 1];
    const sampler = new Sampler(lengths, 5);
    const epochs = Array.from({ length: 3 }, () =>
      Array.from({ length: sampler.epochSize }, () => {
        const { episode, step } = sampler.next();
        return `${episode}:${step}`;
      }),
    );
    const all = lengths.flatMap((length, e) => Array.from({ length }, (_, s) => `${e}:${s}`));
    for (const epoch of epochs) expect([...epoch].sort()).toEqual(all);
    expect(new Set(epochs.map(String)).size).toBe(3);
  });

  it('goes on from its position as if it had never stopped (property)', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }).filter((l) => l.some((n) => n > 0)),
        fc.nat(),
        fc.nat(60),
        (lengths, seed, stop) => {
          const whole = new Sampler(lengths, seed);
          const drawn = Array.from({ length: stop + 30 }, () => whole.next());
          const resumed = new Sampler(lengths, seed, stop);
          expect(Array.from({ length: 30 }, () => resumed.next())).toEqual(drawn.slice(stop));
        },
      ),
    );
  });

  it('differs between seeds and refuses to draw from nothing', () => {
    const first = (seed: number) =>
      JSON.stringify(Array.from({ length: 9 }, (_, i) => new Sampler([400], seed).at(i)));
    expect(first(1)).not.toBe(first(2));
    expect(() => new Sampler([0], 1)).toThrow(EpisodeError);
  });
});

describe('the split', () => {
  it('puts every episode on one side, at least one to train on', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(),
        (count, part, seed) => {
          const { training, validation } = splitEpisodes(count, part, seed);
          expect([...training, ...validation].sort((a, b) => a - b)).toEqual(
            Array.from({ length: count }, (_, i) => i),
          );
          expect(training.length).toBeGreaterThan(0);
        },
      ),
    );
    expect(splitEpisodes(50, 0.1, 1).validation).toHaveLength(5);
    expect(splitEpisodes(50, 0.1, 1)).not.toEqual(splitEpisodes(50, 0.1, 2));
  });
});

describe('random streams', () => {
  it('are uniform and unrelated between purposes', () => {
    const stream = RandomStream.of(1, 'test');
    const values = Array.from({ length: 40_000 }, () => stream.uniform());
    const mean = values.reduce((a, b) => a + b) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    // Five standard errors.
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.0073);
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.002);
    const other = RandomStream.of(1, 'other');
    const product =
      values.reduce((sum, value) => sum + (value - 0.5) * (other.uniform() - 0.5), 0) / values.length;
    expect(Math.abs(product)).toBeLessThan(0.0021);
  });

  it('draw normal numbers', () => {
    const stream = RandomStream.of(2, 'normal');
    const values = Array.from({ length: 40_000 }, () => stream.normal());
    expect(Math.abs(values.reduce((a, b) => a + b) / values.length)).toBeLessThan(0.025);
    expect(values.filter((value) => Math.abs(value) < 1.959964).length / values.length).toBeCloseTo(0.95, 2);
  });
});
