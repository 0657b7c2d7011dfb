import { expect, it } from 'vitest';
import { DOF } from '#alohad/contract/robot.js';
import { ReplaySource } from '#alohad/policy/replaySource.js';

it('plays every recorded action once, in order, then nothing; and again after reset', () => {
  const recorded = Float64Array.from({ length: 3 * DOF }, (_, index) => index);
  const source = new ReplaySource(recorded);
  for (let repeat = 0; repeat < 2; repeat++) {
    source.reset();
    for (let row = 0; row < 3; row++) {
      expect(source.decide()).toEqual(recorded.slice(row * DOF, (row + 1) * DOF));
    }
    expect(source.decide()).toBeUndefined();
  }
});
