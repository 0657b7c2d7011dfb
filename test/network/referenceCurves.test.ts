/**
 * Training against PyTorch: 50 AdamW steps on the same batches from the same weights, two parameter groups, gradient
 * clipping off and on, losses compared step by step. fixtures/README.md says how the fixture was made.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ActConfig } from '#alohad/network/actConfig.js';
import { ActTrainer, type ActTrainerOptions } from '#alohad/network/actTrainer.js';
import { batch, weights, withStatistics } from './referenceNumbers.js';

interface Curve {
  readonly name: string;
  readonly config: Omit<ActConfig, 'normalisation'>;
  readonly clipNorm: number | null;
  /** PyTorch in float32. */
  readonly losses: readonly number[];
  /** The same run in float64: what float32 rounding alone changes. */
  readonly losses64: readonly number[];
  /** Before clipping. */
  readonly gradientNorms: readonly number[];
}

interface Fixture {
  readonly batchSize: number;
  /** Number of different batches, taken in turn. */
  readonly batches: number;
  readonly groups: ActTrainerOptions['groups'];
  readonly curves: readonly Curve[];
}

const fixture: Fixture = JSON.parse(
  readFileSync(new URL('fixtures/training-curves.json', import.meta.url), 'utf8'),
);

/** Of one loss: about 1e5 float32 roundings in another order. */
const FIRST_STEP = 2e-6;
/**
 * AdamW divides each gradient by its own size, so that an entry whose gradient is rounding noise still moves by the
 * learning rate: runs in float32 drift apart. PyTorch's own drift from float64 up to a step is the scale; two float32
 * runs may differ by twice that, and one drift is one sample of it.
 */
const DRIFTS = 5;
/** The cameras' curve trains 11 M parameters: some 15 s of processor time, longer where something else runs. */
const SLOW_MACHINE_MS = 300_000;

describe('50 training steps equal PyTorch within float error', () => {
  it.each(fixture.curves)('$name', { timeout: SLOW_MACHINE_MS }, async (curve) => {
    const config = withStatistics(curve.config);
    const trainer = await ActTrainer.create({
      config,
      batchSize: fixture.batchSize,
      seed: 1,
      threads: 1,
      groups: fixture.groups,
      optimizer: {
        betas: [0.9, 0.999],
        epsilon: 1e-8,
        ...(curve.clipNorm !== null && { clipNorm: curve.clipNorm }),
      },
      emaDecay: 0,
      state: new Map([...weights(config)].map(([name, weight]) => [`weights/${name}`, weight])),
    });
    const batches = Array.from({ length: fixture.batches }, (_, i) =>
      batch(config, fixture.batchSize, `batch_${i}`),
    );
    const steps = await trainer.train(curve.losses.map((_, i) => batches[i % batches.length]!));
    await trainer.close();

    expect(steps[0]!.gradientNorm / curve.gradientNorms[0]!).toBeCloseTo(1, 5);
    let drift = FIRST_STEP;
    for (const [i, step] of steps.entries()) {
      drift = Math.max(drift, DRIFTS * Math.abs(curve.losses[i]! / curve.losses64[i]! - 1));
      const difference = Math.abs(step.loss / curve.losses[i]! - 1);
      expect(difference, `step ${i}: loss ${step.loss}, PyTorch ${curve.losses[i]}`).toBeLessThan(drift);
    }
  });
});
