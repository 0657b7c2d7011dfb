/**
 * AdamW (Loshchilov and Hutter 2019), as PyTorch computes it, over flat vectors in place.
 *
 * It runs in JavaScript and not in the graph: updating in place touches each number once, where a chain of
 * graph operators would write fourteen intermediate vectors, and the state never crosses to onnxruntime.
 */

export interface AdamWOptions {
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  /** Largest global norm of the gradient; larger ones are scaled down to it. */
  readonly clipNorm?: number;
}

/** A range of the vectors with a learning rate and weight decay of its own. */
export interface AdamWRange {
  readonly start: number;
  readonly end: number;
  readonly learningRate: number;
  readonly weightDecay: number;
}

export class AdamW {
  /** Steps done. */
  step = 0;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  private readonly options: AdamWOptions;
  private readonly ranges: readonly AdamWRange[];

  constructor(size: number, ranges: readonly AdamWRange[], options: AdamWOptions) {
    this.firstMoment = new Float32Array(size);
    this.secondMoment = new Float32Array(size);
    this.ranges = ranges;
    this.options = options;
  }

  /**
   * One step on `weights`, in place. `rateFactor` multiplies every learning rate. Returns the gradient's global
   * norm before clipping.
   */
  update(weights: Float32Array, gradients: Float32Array, rateFactor: number): number {
    const {
      betas: [beta1, beta2],
      epsilon,
      clipNorm = Infinity,
    } = this.options;
    this.step++;
    const norm = euclideanNorm(gradients);
    const clip = norm > clipNorm ? clipNorm / (norm + 1e-6) : 1; // 1e-6: as torch.nn.utils.clip_grad_norm_
    const rootCorrection = Math.sqrt(1 - beta2 ** this.step);
    for (const { start, end, learningRate, weightDecay } of this.ranges) {
      const rate = learningRate * rateFactor;
      updateRange(weights, gradients, this.firstMoment, this.secondMoment, start, end, {
        clip,
        keep: 1 - rate * weightDecay,
        stepSize: rate / (1 - beta1 ** this.step),
        inverseRootCorrection: 1 / rootCorrection,
        beta1,
        beta2,
        epsilon,
      });
    }
    return norm;
  }
}

interface Coefficients {
  readonly clip: number;
  readonly keep: number;
  readonly stepSize: number;
  readonly inverseRootCorrection: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

function updateRange(
  weights: Float32Array,
  gradients: Float32Array,
  first: Float32Array,
  second: Float32Array,
  start: number,
  end: number,
  { clip, keep, stepSize, inverseRootCorrection, beta1, beta2, epsilon }: Coefficients,
): void {
  for (let i = start; i < end; i++) {
    const g = gradients[i]! * clip;
    const m = beta1 * first[i]! + (1 - beta1) * g;
    const v = beta2 * second[i]! + (1 - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    weights[i] = weights[i]! * keep - (stepSize * m) / (Math.sqrt(v) * inverseRootCorrection + epsilon);
  }
}

function euclideanNorm(x: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! * x[i]!;
  return Math.sqrt(sum);
}

/** Moves `average` towards `x`: average = decay * average + (1 - decay) * x. */
export function moveAverage(average: Float32Array, x: Float32Array, decay: number): void {
  for (let i = 0; i < x.length; i++) average[i] = decay * average[i]! + (1 - decay) * x[i]!;
}
