/** A residual moves chunks from its step on and leaves those before alone; a choice takes the best offset within reach. */
import { describe, expect, test } from 'vitest';
import { ARM_START_POSE } from '#alohad/contract/robot.js';
import { withOffset } from '#alohad/daemon/offsetPredictor.js';
import type { Predictor } from '#alohad/policy/inferenceClient.js';
import { TimingHistogram } from '#alohad/realtime/timingHistogram.js';
import { gripPose } from '#alohad/simulation/kinematics.js';

const K = 20;
const HOME = [...ARM_START_POSE, ...ARM_START_POSE];

/** Predicts to stay at the start pose. */
class Staying implements Predictor {
  readonly idle = true;
  readonly images: readonly Uint8Array[] = [];
  readonly latency = new TimingHistogram();
  #step: number | undefined;

  readonly scores: Float32Array | undefined;

  constructor(scores?: Float32Array) {
    this.scores = scores;
  }

  submit(step: number): void {
    this.#step = step;
  }

  poll() {
    return this.wait();
  }

  wait() {
    const step = this.#step;
    this.#step = undefined;
    const actions = Float32Array.from({ length: K * HOME.length }, (_, i) => HOME[i % HOME.length]!);
    if (step === undefined) return undefined;
    return { step, actions, latencyMs: 1, ...(this.scores && { scores: this.scores }) };
  }

  async close(): Promise<void> {}
}

const end = (actions: Float32Array, arm: 'left' | 'right') => {
  const at = (K - 1) * HOME.length + (arm === 'right' ? 7 : 0);
  return gripPose(arm, actions.subarray(at, at + 6)).position;
};

describe('a residual', () => {
  const residual = { fromStep: 200, arm: 'right', offsetM: [0, 0.004, 0.012] } as const;

  test.each(['poll', 'wait'] as const)('moves later chunks of its arm alone (%s)', (take) => {
    const predictor = withOffset(new Staying(), { residual });
    const none = new Float64Array(0);
    predictor.submit(100, none, none);
    const before = predictor[take]()!.actions;
    predictor.submit(200, none, none);
    const after = predictor[take]()!.actions;
    const moved = end(after, 'right').map((value, axis) => value - end(before, 'right')[axis]!);
    expect(moved[0]).toBeCloseTo(0, 4);
    expect(moved[1]).toBeCloseTo(0.004, 4);
    expect(moved[2]).toBeCloseTo(0.012, 4);
    expect(end(after, 'left')).toEqual(end(before, 'left'));
    expect(predictor[take]()).toBeUndefined();
  });

  test('is nothing where a policy has none', () => {
    const predictor = new Staying();
    expect(withOffset(predictor, {})).toBe(predictor);
  });
});

describe('a choice', () => {
  const none = new Float64Array(0);
  const choice = {
    fromStep: 200,
    arm: 'right',
    // The last one is out of any arm's reach.
    offsetsM: [
      [0, 0, 0],
      [0, 0.004, 0],
      [0, -0.004, 0],
      [0, 0, 5],
    ],
    margin: 0.1,
  } as const;
  const shift = (scores: number[], step = 200) => {
    const predictor = withOffset(new Staying(Float32Array.from(scores)), { choice });
    predictor.submit(step, none, none);
    const moved = end(predictor.wait()!.actions, 'right');
    return moved[1] - gripPose('right', HOME.slice(7, 13)).position[1];
  };

  test('takes the offset that scores best', () => expect(shift([0, 0.2, 0.3, 0])).toBeCloseTo(-0.004, 4));
  test('takes the next best where that is out of reach', () =>
    expect(shift([0, 0.2, 0.15, 0.9])).toBeCloseTo(0.004, 4));
  test('leaves chunks that no offset betters by the margin', () =>
    expect(shift([0.1, 0.15, 0.19, 0])).toBeCloseTo(0, 4));
  test('leaves earlier chunks', () => expect(shift([0, 0.4, 0, 0], 199)).toBeCloseTo(0, 4));
  test('refuses a policy without scores', () => expect(() => shift([])).toThrow('no scores'));
});
