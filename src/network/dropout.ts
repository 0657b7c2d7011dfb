/**
 * Dropout with masks that are drawn outside the graph, so that a resumed run draws the same ones. (onnxruntime's
 * own random operators keep a state that cannot be saved.)
 */
import type { Graph, Tensor } from './graph.js';
import { multiply } from './operators.js';
import type { RandomStream } from './random.js';

/** Masks have 8-bit probabilities: 0.1 becomes 26/256. */
const LEVELS = 256;

export class Dropout {
  /** One mask per place where activations are dropped: uint8, 1 to keep. To be fed at every run. */
  readonly masks: Tensor[] = [];
  private readonly graph: Graph;
  private readonly dropped: number;

  constructor(graph: Graph, probability: number) {
    this.graph = graph;
    this.dropped = Math.round(probability * LEVELS);
  }

  /** Drops activations and scales the others up, so that the expectation stays. */
  readonly apply = (x: Tensor): Tensor => {
    if (this.dropped === 0) return x;
    const mask = this.graph.input(`dropout_${this.masks.length}`, x.shape, 'uint8');
    this.masks.push(mask);
    const scale = this.graph.scalar(LEVELS / (LEVELS - this.dropped));
    const zero = this.graph.constant(Uint8Array.of(0), []);
    // Conversion and scaling in one pass.
    return multiply(x, this.graph.node('DequantizeLinear', [mask, scale, zero], x.shape));
  };

  /** Draws a new mask: four bytes of each random word are compared with the threshold at once. */
  draw(mask: Uint8Array, random: RandomStream): void {
    const whole = mask.length >> 2;
    const words = new Uint32Array(mask.buffer, mask.byteOffset, whole);
    const keep = keepBytes(this.dropped);
    random.fill(words, keep);
    if (whole * 4 === mask.length) return;
    const rest = keep(random.word());
    for (let i = whole * 4; i < mask.length; i++) mask[i] = (rest >>> (8 * (i & 3))) & 1;
  }
}

const LOW_BITS = 0x7f7f7f7f;
const EACH = 0x01010101;

/** From a word to one of four bytes that are 1 where the word's byte is at least `threshold`. */
function keepBytes(threshold: number): (word: number) => number {
  // A byte's lower seven bits reach the threshold when this sum carries into its top bit.
  const carry = EACH * (threshold <= 128 ? 128 - threshold : 256 - threshold);
  return threshold <= 128
    ? (word) => ((word | ((word & LOW_BITS) + carry)) >>> 7) & EACH
    : (word) => ((word & ((word & LOW_BITS) + carry)) >>> 7) & EACH;
}
