/**
 * The newest sample of something, in shared memory: one writer, any number of readers, nobody waits.
 *
 * A sequence lock: the count is odd while the writer writes, and a reader whose copy saw the count change reads again.
 * The writer never knows of its readers, so nothing they do can delay it.
 */
const ATTEMPTS = 100;
/** Bytes of the count, and the alignment of what follows. */
const HEAD_BYTES = 8;

export class SharedSample {
  /** Give this to other threads, which build their own SharedSample around it. */
  readonly memory: SharedArrayBuffer;
  readonly #count: Int32Array;
  readonly #values: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#count = new Int32Array(memory, 0, 1);
    this.#values = new Float64Array(memory, HEAD_BYTES);
  }

  /** Memory for samples of `length` numbers. */
  static allocate(length: number): SharedSample {
    return new SharedSample(new SharedArrayBuffer(HEAD_BYTES + length * Float64Array.BYTES_PER_ELEMENT));
  }

  get length(): number {
    return this.#values.length;
  }

  /** Changes with every sample; 0 before the first. */
  get version(): number {
    return Atomics.load(this.#count, 0) >> 1;
  }

  /** Lets `fill` write the numbers in place. One thread only. Safe in the loop. */
  write(fill: (values: Float64Array) => void): void {
    Atomics.add(this.#count, 0, 1);
    fill(this.#values);
    Atomics.add(this.#count, 0, 1);
  }

  /** Copies the newest whole sample; false when there is none yet, or the writer is always in the middle of one. */
  read(into: Float64Array): boolean {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const before = Atomics.load(this.#count, 0);
      if (before === 0) return false;
      if (before % 2 !== 0) continue;
      into.set(this.#values);
      if (Atomics.load(this.#count, 0) === before) return true;
    }
    return false;
  }
}
