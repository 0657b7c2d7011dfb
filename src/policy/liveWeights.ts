/**
 * Weights of a network that change while it is served: one flat vector in shared memory and a version number that
 * counts up with every change. One side writes while nobody predicts, each inference worker copies when it sees a new
 * version.
 */

/** Where a weight lies in the flat vector. */
export interface WeightSlot {
  /** Input of the network. */
  readonly name: string;
  readonly shape: readonly number[];
  /** First number. */
  readonly offset: number;
  readonly size: number;
}

/** A network whose weights are inputs, and where they come from. */
export interface LiveModel {
  /** ONNX file. */
  readonly model: Uint8Array;
  readonly slots: readonly WeightSlot[];
  readonly memory: SharedArrayBuffer;
}

const HEADER_BYTES = 8;

export class LiveWeights {
  readonly memory: SharedArrayBuffer;
  readonly #version: Int32Array;
  readonly #vector: Float32Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#version = new Int32Array(memory, 0, 1);
    this.#vector = new Float32Array(memory, HEADER_BYTES);
  }

  /** Memory for `length` numbers, version 0. */
  static allocate(length: number): LiveWeights {
    return new LiveWeights(new SharedArrayBuffer(HEADER_BYTES + 4 * length));
  }

  get version(): number {
    return Atomics.load(this.#version, 0);
  }

  /** Replaces all weights. */
  publish(vector: Float32Array): void {
    this.#vector.set(vector);
    Atomics.add(this.#version, 0, 1);
  }

  /** Copies the weight of a slot. */
  read({ offset, size }: WeightSlot, target: Float32Array): void {
    target.set(this.#vector.subarray(offset, offset + size));
  }
}
