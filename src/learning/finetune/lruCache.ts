/** Keeps what was used last, up to a number of bytes. */
export class LruCache<T> {
  /** Oldest first. */
  readonly #kept = new Map<string, { readonly value: T; readonly bytes: number }>();
  readonly #capacity: number;
  readonly #sizeOf: (value: T) => number;
  readonly #onDrop: (key: string, value: T) => void;
  #bytes = 0;

  /** @param onDrop told of what there is no room for any more */
  constructor(
    capacityBytes: number,
    sizeOf: (value: T) => number,
    onDrop: (key: string, value: T) => void = () => {},
  ) {
    this.#capacity = capacityBytes;
    this.#sizeOf = sizeOf;
    this.#onDrop = onDrop;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async get(key: string, make: () => Promise<T>): Promise<T> {
    const known = this.#touch(key);
    return known === undefined ? this.#keep(key, await make()) : known.value;
  }

  getSync(key: string, make: () => T): T {
    const known = this.#touch(key);
    return known === undefined ? this.#keep(key, make()) : known.value;
  }

  #touch(key: string): { readonly value: T; readonly bytes: number } | undefined {
    const known = this.#kept.get(key);
    if (!known) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, known);
    return known;
  }

  #keep(key: string, value: T): T {
    const bytes = this.#sizeOf(value);
    this.#kept.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const [oldest, entry] of this.#kept) {
      if (this.#bytes <= this.#capacity || oldest === key) break;
      this.#kept.delete(oldest);
      this.#bytes -= entry.bytes;
      this.#onDrop(oldest, entry.value);
    }
    return value;
  }
}
