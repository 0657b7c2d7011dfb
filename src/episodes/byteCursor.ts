/** Reads little-endian values one after another, as MCAP stores them. Reading past the end throws RangeError. */
export class ByteCursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get position(): number {
    return this.#position;
  }

  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  uint8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  bigUint64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  /** A 64-bit length as a number; beyond 2^53 it is inexact, and longer than any file either way. */
  uint64(): number {
    const low = this.uint32();
    return this.uint32() * 2 ** 32 + low;
  }

  /** The next `length` bytes, borrowed. */
  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** UTF-8 with a 32-bit length in front. */
  string(): string {
    return new TextDecoder().decode(this.bytes(this.uint32()));
  }

  /** Pairs of strings with their total length in bytes in front. */
  stringMap(): Map<string, string> {
    const entries = new Map<string, string>();
    const pairs = new ByteCursor(this.bytes(this.uint32()));
    while (pairs.remaining > 0) entries.set(pairs.string(), pairs.string());
    return entries;
  }

  #advance(length: number): number {
    if (!(length <= this.remaining)) throw new RangeError(`${length} bytes wanted, ${this.remaining} left`);
    const start = this.#position;
    this.#position += length;
    return start;
  }
}
