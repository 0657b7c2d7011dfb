/**
 * Keeps images that were drawn once, up to a fixed number of bytes, shared by all loader threads. First come, first
 * kept: every sample is used equally often, so throwing out would only cost.
 *
 * A place is reserved before it is written and marked ready after, so a reader never sees half an image.
 */
export interface ImageCacheMemory {
  /** Per sample: 0 nothing, -1 being written, n > 0 ready in place n - 1. */
  readonly places: SharedArrayBuffer;
  /** One Int32: places given away. */
  readonly used: SharedArrayBuffer;
  readonly pixels: SharedArrayBuffer;
  /** First sample of each episode in `places`. */
  readonly starts: readonly number[];
  /** Bytes of all images of a sample. */
  readonly sampleBytes: number;
}

export class ImageCache {
  readonly memory: ImageCacheMemory;
  readonly #places: Int32Array;
  readonly #used: Int32Array;
  readonly #pixels: Uint8Array;
  readonly #capacity: number;

  constructor(memory: ImageCacheMemory) {
    this.memory = memory;
    this.#places = new Int32Array(memory.places);
    this.#used = new Int32Array(memory.used);
    this.#pixels = new Uint8Array(memory.pixels);
    this.#capacity = memory.sampleBytes === 0 ? 0 : this.#pixels.length / memory.sampleBytes;
  }

  /** @param lengths control steps of each episode */
  static allocate(lengths: readonly number[], sampleBytes: number, maximumBytes: number): ImageCache {
    const starts = [0];
    for (const length of lengths) starts.push(starts.at(-1)! + length);
    const samples = starts.at(-1)!;
    const capacity = sampleBytes === 0 ? 0 : Math.min(samples, Math.floor(maximumBytes / sampleBytes));
    return new ImageCache({
      places: new SharedArrayBuffer(samples * Int32Array.BYTES_PER_ELEMENT),
      used: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
      pixels: new SharedArrayBuffer(capacity * sampleBytes),
      starts,
      sampleBytes,
    });
  }

  /** Samples kept, and room for them. */
  get fill(): { readonly samples: number; readonly capacity: number } {
    return { samples: Math.min(Atomics.load(this.#used, 0), this.#capacity), capacity: this.#capacity };
  }

  /** Copies the sample's images, one per camera, into `targets`. Returns false when they are not here. */
  read(episode: number, step: number, targets: readonly Uint8Array[]): boolean {
    const place = Atomics.load(this.#places, this.memory.starts[episode]! + step);
    if (place <= 0) return false;
    let offset = (place - 1) * this.memory.sampleBytes;
    for (const target of targets) {
      target.set(this.#pixels.subarray(offset, offset + target.length));
      offset += target.length;
    }
    return true;
  }

  /** Keeps the sample's images if there is room. */
  write(episode: number, step: number, images: readonly Uint8Array[]): void {
    const sample = this.memory.starts[episode]! + step;
    if (Atomics.load(this.#used, 0) >= this.#capacity) return;
    if (Atomics.compareExchange(this.#places, sample, 0, -1) !== 0) return;
    const place = Atomics.add(this.#used, 0, 1);
    if (place >= this.#capacity) {
      Atomics.store(this.#places, sample, 0);
      return;
    }
    let offset = place * this.memory.sampleBytes;
    for (const image of images) {
      this.#pixels.set(image, offset);
      offset += image.length;
    }
    Atomics.store(this.#places, sample, place + 1);
  }
}
