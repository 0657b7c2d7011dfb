import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DOF } from '#alohad/contract/robot.js';
import { TemporalEnsemble } from '#alohad/policy/temporalEnsemble.js';

const CHUNK = 8;

/** Slow and obvious: a table of every prediction by (query step, target step), as in the paper. */
class PaperEnsemble {
  readonly #table = new Map<string, readonly number[]>();
  readonly #m: number;
  constructor(m: number) {
    this.#m = m;
  }
  add(step: number, actions: Float32Array): void {
    for (let row = 0; row < CHUNK; row++) {
      this.#table.set(`${step},${step + row}`, [...actions.subarray(row * DOF, (row + 1) * DOF)]);
    }
  }
  at(step: number): number[] | undefined {
    const predictions: (readonly number[])[] = [];
    for (let query = 0; query <= step; query++) {
      const row = this.#table.get(`${query},${step}`);
      if (row) predictions.push(row);
    }
    if (predictions.length === 0) return undefined;
    const weights = predictions.map((_, i) => Math.exp(-this.#m * i));
    const total = weights.reduce((sum, w) => sum + w, 0);
    return Array.from({ length: DOF }, (_, joint) =>
      predictions.reduce((sum, row, i) => sum + (weights[i]! / total) * row[joint]!, 0),
    );
  }
}

const chunkOf = (seed: number): Float32Array =>
  Float32Array.from({ length: CHUNK * DOF }, (_, index) => Math.sin(seed * 12.9898 + index * 78.233));

describe('TemporalEnsemble', () => {
  it('equals the table of the paper for any pattern of queries', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
        fc.constantFrom(0.01, 0.5, 0, -0.1),
        (queries, m) => {
          const ensemble = new TemporalEnsemble(CHUNK, m);
          const paper = new PaperEnsemble(m);
          const out = new Float64Array(DOF);
          for (const [step, queried] of queries.entries()) {
            if (queried) {
              const actions = chunkOf(step);
              ensemble.add({ step, actions, latencyMs: 0 });
              paper.add(step, actions);
              actions.fill(Number.NaN); // Borrowed: it may be overwritten at once.
            }
            const expected = paper.at(step);
            expect(ensemble.at(step, out)).toBe(expected !== undefined);
            for (const [joint, value] of (expected ?? []).entries())
              expect(out[joint]!).toBeCloseTo(value, 12);
          }
        },
      ),
    );
  });

  it('gives the oldest prediction the most weight', () => {
    const ensemble = new TemporalEnsemble(2, 1);
    const out = new Float64Array(DOF);
    ensemble.add({ step: 0, actions: new Float32Array(2 * DOF).fill(0), latencyMs: 0 });
    ensemble.add({ step: 1, actions: new Float32Array(2 * DOF).fill(1), latencyMs: 0 });
    ensemble.at(1, out);
    expect(out[0]!).toBeCloseTo(Math.exp(-1) / (1 + Math.exp(-1)), 12);
  });

  it('counts a prediction of exact zeros like any other, which the original drops', () => {
    const ensemble = new TemporalEnsemble(2, 0);
    const out = new Float64Array(DOF);
    ensemble.add({ step: 0, actions: new Float32Array(2 * DOF).fill(0), latencyMs: 0 });
    ensemble.add({ step: 1, actions: new Float32Array(2 * DOF).fill(1), latencyMs: 0 });
    ensemble.at(1, out);
    expect(out[0]).toBe(0.5);
  });

  it('uses a chunk that arrives late at its true rows', () => {
    const ensemble = new TemporalEnsemble(CHUNK);
    const out = new Float64Array(DOF);
    const actions = chunkOf(3);
    ensemble.add({ step: 10, actions, latencyMs: 100 });
    expect(ensemble.at(9, out)).toBe(false);
    expect(ensemble.at(15, out)).toBe(true);
    expect([...out]).toEqual([...actions.subarray(5 * DOF, 6 * DOF)]);
    expect(ensemble.at(18, out)).toBe(false);
  });

  it('forgets on reset', () => {
    const ensemble = new TemporalEnsemble(CHUNK);
    ensemble.add({ step: 0, actions: chunkOf(1), latencyMs: 0 });
    ensemble.reset();
    expect(ensemble.at(0, new Float64Array(DOF))).toBe(false);
  });
});
