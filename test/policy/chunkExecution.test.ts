import { describe, expect, it } from 'vitest';
import { DOF } from '#alohad/contract/robot.js';
import { ChunkExecution } from '#alohad/policy/chunkExecution.js';

/** A chunk of 10 whose row for absolute step t is `base + t` in every joint. */
function chunk(step: number, base: number) {
  const actions = Float32Array.from(
    { length: 10 * DOF },
    (_, index) => base + step + Math.floor(index / DOF),
  );
  return { step, actions, latencyMs: 0 };
}
const out = new Float64Array(DOF);
const at = (execution: ChunkExecution, step: number): number | undefined =>
  execution.at(step, out) ? out[0] : undefined;

describe('ChunkExecution', () => {
  it('plays a chunk to its end and then has nothing', () => {
    const execution = new ChunkExecution(10, 0);
    expect(at(execution, 0)).toBeUndefined();
    execution.add(chunk(0, 0));
    for (let step = 0; step < 10; step++) expect(at(execution, step)).toBe(step);
    expect(at(execution, 10)).toBeUndefined();
  });

  it('enters a late chunk at its true row, at once without a fade', () => {
    const execution = new ChunkExecution(10, 0);
    execution.add(chunk(0, 0));
    expect(at(execution, 6)).toBe(6);
    execution.add(chunk(3, 100));
    expect(at(execution, 7)).toBe(107);
  });

  it('fades a new chunk in over the steps after its first use', () => {
    const execution = new ChunkExecution(10, 3);
    execution.add(chunk(0, 0));
    expect(at(execution, 4)).toBe(4);
    execution.add(chunk(2, 100));
    expect([5, 6, 7, 8].map((step) => at(execution, step)! - step)).toEqual([25, 50, 75, 100]);
  });

  it('does not fade from a chunk that has ended', () => {
    const execution = new ChunkExecution(10, 3);
    execution.add(chunk(0, 0));
    execution.add(chunk(8, 100));
    expect(at(execution, 9)! - 9).toBe(25);
    expect(at(execution, 10)! - 10).toBe(100);
  });

  it('copies what it is given and forgets on reset', () => {
    const execution = new ChunkExecution(10, 0);
    const borrowed = chunk(0, 5);
    execution.add(borrowed);
    borrowed.actions.fill(Number.NaN);
    expect(at(execution, 1)).toBe(6);
    execution.reset();
    expect(at(execution, 1)).toBeUndefined();
  });
});
