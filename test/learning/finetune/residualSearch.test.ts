/** The search for a constant offset finds the middle of what succeeds, and says when there is nothing to find. */
import { describe, expect, test } from 'vitest';
import { searchResidual } from '#alohad/learning/finetune/residualSearch.js';
import { RandomStream } from '#alohad/episodes/randomStream.js';

/** Offsets along one line [mm], none at first. */
const OFFSETS = [[0], ...Array.from({ length: 33 }, (_, i) => [i - 16]).filter(([offset]) => offset !== 0)];
const STATES = 40;

/** A policy whose chunks lie `lowMm` below, give or take `spreadMm`; 7 mm off in either direction fail. */
function policy(lowMm: number, spreadMm: number) {
  const random = RandomStream.of(1, 'policy', lowMm);
  const errors = Array.from({ length: STATES }, () => -lowMm + spreadMm * random.normal());
  // oxlint-disable-next-line require-await
  return async (pairs: readonly (readonly [readonly number[], number])[]) =>
    pairs.map(([offset, state]) => Math.abs(errors[state]! + offset[0]!) < 7);
}

describe('the search for a residual', () => {
  test('finds what a biased policy lacks, with few branches for most offsets', async () => {
    const found = await searchResidual(OFFSETS, STATES, policy(9, 3));
    expect(Math.abs(found.offset[0]! - 9)).toBeLessThan(4);
    expect(found.solved).toBeGreaterThan(found.unshifted);
    expect(found.states).toBe(STATES);
    expect(found.branches).toBeLessThan((OFFSETS.length * STATES) / 2);
  });

  test('leaves a policy alone that no offset improves', async () => {
    const found = await searchResidual(OFFSETS, STATES, policy(0, 3));
    expect(found.offset).toEqual([0]);
    expect(found.solved).toBe(found.unshifted);
  });

  test('takes the middle of offsets that solve equally many', async () => {
    // oxlint-disable-next-line require-await
    const plateau = async (pairs: readonly (readonly [readonly number[], number])[]) =>
      pairs.map(([offset]) => offset[0]! >= 4 && offset[0]! <= 12);
    expect(await searchResidual(OFFSETS, STATES, plateau)).toMatchObject({
      offset: [8],
      solved: 40,
      unshifted: 0,
    });
  });

  test('makes do with fewer states than it would like', async () => {
    const found = await searchResidual(OFFSETS, 7, policy(9, 3));
    expect(found.states).toBe(7);
    expect(found.offset[0]).toBeGreaterThan(0);
  });
});
