/**
 * Dropout with masks that are drawn outside the graph, so that a resumed run draws the same ones. (onnxruntime's
 * own random operators keep a state that cannot be saved.)
 */
import type { Graph, Tensor } from './graph.js';
import { multiply } from './operators.js';

/** Masks have 8-bit probabilities: 0.1 becomes 26/256. */
const LEVELS = 256;

export class Dropout {
  /** One mask per place where activations are dropped: uint8, 1 to keep. To be fed at every run. */
  readonly masks: Tensor[] = [];
  /** Share of activations that are dropped, in 1/256; see `DropoutMasks`. */
  readonly dropped: number;
  private readonly graph: Graph;

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
}
