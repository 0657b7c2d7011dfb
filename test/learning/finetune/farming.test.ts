import { assert, integer, nat, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RandomStream } from '#alohad/episodes/randomStream.js';
import { FAILED, farmChunks, lastChunk, SOLVED, successStep } from '#alohad/learning/finetune/farming.js';

const LENGTH = 400;
const CHUNK = 100;
const TIMES = { chunkSize: CHUNK, last: LENGTH - CHUNK };
const random = (seed: number) => RandomStream.of(seed, 'test');

/** Rewards that rise to `highest` at step `at`. */
const rising = (highest: number, at: number): Float64Array =>
  Float64Array.from({ length: LENGTH }, (_, step) => (step < at ? Math.min(2, highest) : highest));

describe('farming a success', () => {
  test('gives N distinct whole chunks in [max(0, K-99), min(300, K)], each with the success in it', () => {
    assert(
      property(integer({ min: 0, max: 399 }), integer({ min: 1, max: 8 }), nat(), (solved, count, seed) => {
        const chunks = farmChunks(rising(4, solved), TIMES, count, random(seed));
        const [first, until] = [Math.max(0, solved - 99), Math.min(300, solved)];
        expect(chunks).toHaveLength(Math.min(count, until - first + 1));
        expect(new Set(chunks.map(({ start }) => start)).size).toBe(chunks.length);
        for (const { start, label } of chunks) {
          expect(start).toBeGreaterThanOrEqual(first);
          expect(start).toBeLessThanOrEqual(until);
          expect(start + CHUNK).toBeLessThanOrEqual(LENGTH);
          expect(solved - start).toBeLessThan(CHUNK);
          expect(label).toBe(SOLVED);
        }
      }),
    );
  });

  test('reaches every start: both ends of the window are drawn', () => {
    const starts = new Set<number>();
    for (let seed = 0; seed < 2000; seed++)
      for (const { start } of farmChunks(rising(4, 341), TIMES, 3, random(seed))) starts.add(start);
    // The facts' example: K = 341 leaves 59 starts, 242 to 300.
    expect([...starts].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 59 }, (_, i) => 242 + i));
  });

  test('is the same for the same stream and another for another', () => {
    const farm = (seed: number) => farmChunks(rising(4, 341), TIMES, 3, random(seed));
    expect(farm(1)).toEqual(farm(1));
    expect(farm(1)).not.toEqual(farm(2));
  });
});

describe('farming a failure', () => {
  test('that came to reward 3 gives 300 to 300 + N, running past the end', () => {
    const chunks = farmChunks(rising(3, 350), TIMES, 3, random(1));
    expect(chunks).toEqual([300, 301, 302, 303].map((start) => ({ start, label: FAILED })));
  });

  test('with a last chunk of its own starts there, and never behind the end', () => {
    const early = farmChunks(rising(3, 250), { chunkSize: CHUNK, last: 200 }, 3, random(1));
    expect(early.map(({ start }) => start)).toEqual([200, 201, 202, 203]);
    expect(farmChunks(rising(3, 10), { chunkSize: CHUNK, last: 398 }, 3, random(1))).toHaveLength(2);
  });

  test.each([0, 1, 2])('that came to reward %i teaches nothing', (highest) => {
    expect(farmChunks(rising(highest, 100), TIMES, 3, random(1))).toEqual([]);
    expect(lastChunk(rising(highest, 100), TIMES)).toBeUndefined();
  });
});

describe('the last chunk', () => {
  test.each([
    [341, 300],
    [300, 300],
    [280, 280],
    [20, 20],
    [399, 300],
  ])('of a success at %i starts at %i', (solved, start) => {
    expect(lastChunk(rising(4, solved), TIMES)).toEqual({ start, label: SOLVED });
  });

  test('contains a success that came later than an early last chunk', () => {
    expect(lastChunk(rising(4, 350), { chunkSize: CHUNK, last: 200 })).toEqual({ start: 251, label: SOLVED });
  });

  test('of a near miss is the last', () => {
    expect(lastChunk(rising(3, 350), TIMES)).toEqual({ start: 300, label: FAILED });
  });
});

test('a success is the first step with the full reward', () => {
  expect(successStep([0, 3, 4, 2, 4])).toBe(2);
  expect(successStep([0, 3])).toBeUndefined();
});
