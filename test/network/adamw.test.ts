/** The SIMD kernel against AdamW written out in double precision. */
import { describe, expect, it } from 'vitest';
import { AdamW } from '#alohad/network/adamw.js';
import { RandomStream } from '#alohad/network/random.js';

const SIZE = 48;
const RANGES = [
  { start: 0, end: 16, learningRate: 1e-2, weightDecay: 0.1 },
  { start: 16, end: 48, learningRate: 3e-3, weightDecay: 0 },
];

function run(clipNorm: number, averageDecay: number, steps: number) {
  const random = new RandomStream(3, 'adamw');
  const [beta1, beta2, epsilon] = [0.9, 0.99, 1e-6];
  const optimizer = new AdamW(SIZE, RANGES, { betas: [beta1, beta2], epsilon, clipNorm }, averageDecay);
  optimizer.weights.forEach((_, i) => (optimizer.weights[i] = random.normal()));
  optimizer.average.set(optimizer.weights);
  const w = Float64Array.from(optimizer.weights);
  const average = w.slice();
  const [m, v] = [new Float64Array(SIZE), new Float64Array(SIZE)];
  const norms: [number, number][] = [];
  for (let step = 1; step <= steps; step++) {
    const factor = 1 / step;
    optimizer.gradients.forEach((_, i) => (optimizer.gradients[i] = (i - 20) * random.normal()));
    const norm = Math.hypot(...optimizer.gradients);
    norms.push([optimizer.update(factor), norm]);
    const clip = Math.min(1, clipNorm / (norm + 1e-6));
    for (const { start, end, learningRate, weightDecay } of RANGES)
      for (let i = start; i < end; i++) {
        const g = clip * optimizer.gradients[i]!;
        m[i] = beta1 * m[i]! + (1 - beta1) * g;
        v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
        const corrected = m[i]! / (1 - beta1 ** step) / (Math.sqrt(v[i]! / (1 - beta2 ** step)) + epsilon);
        w[i] = w[i]! * (1 - factor * learningRate * weightDecay) - factor * learningRate * corrected;
        average[i] = averageDecay * average[i]! + (1 - averageDecay) * w[i]!;
      }
  }
  return { optimizer, w, average, norms };
}

describe('AdamW', () => {
  it.each([
    ['no clipping, no average', Infinity, 0],
    ['clipped, averaged', 5, 0.95],
  ])('equals the definition: %s', (_, clipNorm, averageDecay) => {
    const { optimizer, w, average, norms } = run(clipNorm, averageDecay, 20);
    optimizer.weights.forEach((value, i) => expect(Math.abs(value - w[i]!)).toBeLessThan(1e-6));
    optimizer.average.forEach((value, i) => expect(Math.abs(value - average[i]!)).toBeLessThan(1e-6));
    for (const [given, expected] of norms) expect(given / expected).toBeCloseTo(1, 6);
    expect(optimizer.step).toBe(20);
  });

  it('refuses more parameters than WebAssembly can address', () => {
    expect(() => new AdamW(300e6, [], { betas: [0.9, 0.999], epsilon: 1e-8 }, 0)).toThrow(RangeError);
  });
});
