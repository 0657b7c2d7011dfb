/**
 * The newest frames of one camera in shared memory: one writer, any number of readers, nobody waits.
 *
 * Frames lie one behind the other in a ring of bytes. The writer says which frames it is about to overwrite before it
 * does, and a reader whose copy turns out to be of such a frame throws it away. So readers that look now and then get
 * the newest frame, and readers that want all of them have the ring's length to come back.
 */

/** Places of the words. */
const WORD = { newest: 0, oldest: 1, damaged: 2, interruptions: 3 } as const;
const WORDS = 4;

/** Frames that the ring remembers at most: a second of the fastest webcam. */
const ENTRIES = 64;
/** Numbers of an entry: offset, length, captureMs, publishedMs. */
const ENTRY = 4;
const HEAD_BYTES = WORDS * 4 + ENTRIES * ENTRY * 8;

/** Some 50 pictures of 640 x 480 [bytes]. */
const DEFAULT_BYTES = 4 * 1024 * 1024;

/** A frame as it is read. */
export interface Frame {
  /** Counts frames from 1; what is lost between camera and ring is not counted. */
  readonly sequence: number;
  /** When it was captured and when readers could first see it, on the clock of all threads [ms]. */
  readonly captureMs: number;
  readonly publishedMs: number;
  /** Borrowed until the next read. */
  readonly bytes: Uint8Array;
}

export class FrameRing {
  /** Give this to other threads, which build their own FrameRing around it. */
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #entries: Float64Array;
  readonly #bytes: Uint8Array;
  #cursor = 0;
  /** Of this reader; grows to the largest frame. */
  #copy = Buffer.alloc(0);

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#words = new Int32Array(memory, 0, WORDS);
    this.#entries = new Float64Array(memory, WORDS * 4, ENTRIES * ENTRY);
    this.#bytes = new Uint8Array(memory, HEAD_BYTES);
  }

  static allocate(bytes = DEFAULT_BYTES): FrameRing {
    return new FrameRing(new SharedArrayBuffer(HEAD_BYTES + bytes));
  }

  /** Largest frame that fits [bytes]. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** Sequence of the newest frame; 0 before the first. Safe in the loop. */
  get newest(): number {
    return Atomics.load(this.#words, WORD.newest);
  }

  /** Frames that came damaged and were left out. */
  get damaged(): number {
    return Atomics.load(this.#words, WORD.damaged);
  }

  /** How often the camera was lost after it had been there. */
  get interruptions(): number {
    return Atomics.load(this.#words, WORD.interruptions);
  }

  countDamaged(): void {
    Atomics.add(this.#words, WORD.damaged, 1);
  }

  countInterruption(): void {
    Atomics.add(this.#words, WORD.interruptions, 1);
  }

  /** Copies a frame in. One thread only. Throws RangeError when it is larger than the ring. */
  write(frame: Uint8Array, captureMs: number, publishedMs: number): void {
    if (frame.length > this.capacity)
      throw new RangeError(`a frame of ${frame.length} bytes does not fit into ${this.capacity}`);
    const sequence = this.newest + 1;
    const offset = this.#cursor + frame.length <= this.capacity ? this.#cursor : 0;
    this.#giveUp(offset, frame.length, sequence);
    this.#bytes.set(frame, offset);
    const entry = (sequence % ENTRIES) * ENTRY;
    this.#entries[entry] = offset;
    this.#entries[entry + 1] = frame.length;
    this.#entries[entry + 2] = captureMs;
    this.#entries[entry + 3] = publishedMs;
    this.#cursor = offset + frame.length;
    Atomics.store(this.#words, WORD.newest, sequence);
  }

  /** Oldest frame that can still be read. */
  get oldest(): number {
    return Math.max(1, Atomics.load(this.#words, WORD.oldest));
  }

  /** When a frame could first be seen [ms]; undefined when it is not there (any more). */
  publishedMs(sequence: number): number | undefined {
    return this.#number(sequence, 3);
  }

  /** When a frame was captured [ms]; undefined when it is not there (any more). Safe in the loop. */
  captureMs(sequence: number): number | undefined {
    return this.#number(sequence, 2);
  }

  /** Copies frame `sequence`; undefined when it is not there (any more). */
  read(sequence: number): Frame | undefined {
    if (!this.#isThere(sequence)) return undefined;
    const entry = (sequence % ENTRIES) * ENTRY;
    const [offset = 0, length = 0, captureMs = 0, publishedMs = 0] = this.#entries.subarray(
      entry,
      entry + ENTRY,
    );
    // Numbers of a frame that is being overwritten may be of two frames.
    if (!this.#isThere(sequence)) return undefined;
    if (this.#copy.length < length) this.#copy = Buffer.alloc(Math.ceil(length * 1.25));
    const bytes = this.#copy.subarray(0, length);
    bytes.set(this.#bytes.subarray(offset, offset + length));
    return this.#isThere(sequence) ? { sequence, captureMs, publishedMs, bytes } : undefined;
  }

  #number(sequence: number, place: number): number | undefined {
    if (!this.#isThere(sequence)) return undefined;
    const value = this.#entries[(sequence % ENTRIES) * ENTRY + place];
    return this.#isThere(sequence) ? value : undefined;
  }

  #isThere(sequence: number): boolean {
    return sequence >= this.oldest && sequence <= this.newest;
  }

  /** Tells readers that everything which lies where `sequence` will lie is no more. */
  #giveUp(offset: number, length: number, sequence: number): void {
    const before = this.oldest;
    let oldest = Math.max(before, sequence - ENTRIES + 1);
    for (let old = sequence - 1; old >= oldest; old--) {
      const from = this.#entries[(old % ENTRIES) * ENTRY]!;
      const to = from + this.#entries[(old % ENTRIES) * ENTRY + 1]!;
      if (from < offset + length && offset < to) oldest = old + 1;
    }
    if (oldest !== before) Atomics.exchange(this.#words, WORD.oldest, oldest);
  }
}
