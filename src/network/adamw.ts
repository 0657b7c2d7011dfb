/**
 * AdamW (Loshchilov and Hutter 2019), as PyTorch computes it, and a moving average of the weights, in place.
 *
 * It runs beside the graph and not in it: one pass touches each number once, where a chain of graph operators
 * would write fourteen intermediate vectors, and the state never crosses to onnxruntime. The pass is a SIMD
 * kernel (`kernel/adamw.as.ts`) on a memory of its own, which onnxruntime reads and writes without a copy.
 */
import { readFileSync } from 'node:fs';

export interface AdamWOptions {
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  /** Largest global norm of the gradient; larger ones are scaled down to it. */
  readonly clipNorm?: number;
}

/** A range of the vectors with a learning rate and weight decay of its own. Bounds are multiples of ALIGNMENT. */
export interface AdamWRange {
  readonly start: number;
  readonly end: number;
  readonly learningRate: number;
  readonly weightDecay: number;
}

/** Parameters start at multiples of this many floats: a cache line. */
export const ALIGNMENT = 16;

/** WebAssembly memory comes in pages, 65536 of them at most. */
const PAGE_BYTES = 65536;
const MAXIMUM_BYTES = 65536 * PAGE_BYTES;

/** Where the vectors begin: the kernel has no data of its own beyond this. */
const HEAP_START = 1024;

export class AdamW {
  /** Steps done. */
  step = 0;
  readonly weights: Float32Array;
  /** Written by the caller before each update. */
  readonly gradients: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  /** Moving average of the weights. */
  readonly average: Float32Array;
  private readonly kernel: Kernel;
  private readonly options: AdamWOptions;
  private readonly ranges: readonly AdamWRange[];
  private readonly averageDecay: number;

  /**
   * Vectors of `size` numbers, all zero; a multiple of ALIGNMENT. `averageDecay` per step of the moving average;
   * 0 keeps it equal to the weights. Throws RangeError beyond 214 million numbers.
   */
  constructor(size: number, ranges: readonly AdamWRange[], options: AdamWOptions, averageDecay: number) {
    const bytes = HEAP_START + 5 * 4 * size;
    if (bytes > MAXIMUM_BYTES) throw new RangeError(`AdamW on ${size} parameters needs more than 4 GiB`);
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE_BYTES) });
    this.kernel = openKernel(memory);
    if (this.kernel.heapBase.value > HEAP_START)
      throw new Error('adamw.wasm is of another build: run npm run build');
    const vector = (index: number) => new Float32Array(memory.buffer, HEAP_START + index * 4 * size, size);
    this.weights = vector(0);
    this.gradients = vector(1);
    this.firstMoment = vector(2);
    this.secondMoment = vector(3);
    this.average = vector(4);
    this.ranges = ranges;
    this.options = options;
    this.averageDecay = averageDecay;
  }

  /**
   * One step. `rateFactor` multiplies every learning rate. Returns the gradient's global norm before clipping; when
   * that is not finite, nothing has changed.
   */
  update(rateFactor: number): number {
    const {
      betas: [beta1, beta2],
      epsilon,
      clipNorm = Infinity,
    } = this.options;
    const norm = Math.sqrt(this.kernel.squaredNorm(this.gradients.byteOffset, this.gradients.length));
    if (!Number.isFinite(norm)) return norm;
    this.step++;
    const clip = norm > clipNorm ? clipNorm / (norm + 1e-6) : 1; // 1e-6: as torch.nn.utils.clip_grad_norm_
    for (const { start, end, learningRate, weightDecay } of this.ranges) {
      const rate = learningRate * rateFactor;
      this.kernel.update(
        this.weights.byteOffset + 4 * start,
        this.gradients.byteOffset + 4 * start,
        this.firstMoment.byteOffset + 4 * start,
        this.secondMoment.byteOffset + 4 * start,
        this.average.byteOffset + 4 * start,
        end - start,
        clip,
        1 - rate * weightDecay,
        rate / (1 - beta1 ** this.step),
        1 / Math.sqrt(1 - beta2 ** this.step),
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        epsilon,
        this.averageDecay,
        1 - this.averageDecay,
      );
    }
    return norm;
  }
}

/** What `kernel/adamw.as.ts` exports; addresses are byte offsets into the memory. */
interface Kernel {
  readonly heapBase: { readonly value: number };
  squaredNorm(address: number, count: number): number;
  update(
    weights: number,
    gradients: number,
    first: number,
    second: number,
    average: number,
    count: number,
    clip: number,
    keep: number,
    stepSize: number,
    rootFactor: number,
    beta1: number,
    rest1: number,
    beta2: number,
    rest2: number,
    epsilon: number,
    decay: number,
    restDecay: number,
  ): void;
}

/** The part of the WebAssembly interface used here; Node's types leave it to the DOM library. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Memory: new (limits: { initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Instance: new (module: object, imports: object) => { readonly exports: Kernel };
};

let compiled: object | undefined;

function openKernel(memory: object): Kernel {
  compiled ??= new WebAssembly.Module(readFileSync(new URL('./adamw.wasm', import.meta.url)));
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports;
}
