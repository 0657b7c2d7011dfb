/**
 * Seeded random numbers, one stream per purpose. Streams of the same seed and different purposes are unrelated, so
 * drawing more of one changes no other.
 *
 * Generator: xoshiro128** (Blackman, Vigna 2018), started from a hash of seed and purpose by splitmix32.
 */
export class RandomStream {
  readonly #state: Uint32Array;

  private constructor(state: Uint32Array) {
    this.#state = state;
  }

  /** The stream of `seed` for `purpose`; parts that count (an epoch, a step) can be given as further purposes. */
  static of(seed: number, ...purpose: readonly (string | number)[]): RandomStream {
    // FNV-1a over the text, then splitmix32 to spread it over the four words.
    let hash = 0x811c9dc5;
    for (const char of [seed, ...purpose].join('/')) {
      hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
    }
    const state = Uint32Array.from({ length: 4 }, () => {
      hash = (hash + 0x9e3779b9) | 0;
      let word = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
      word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
      return word ^ (word >>> 15);
    });
    return new RandomStream(state);
  }

  uint32(): number {
    const state = this.#state;
    const [a = 0, b = 0, c = 0, d = 0] = state;
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const [cc, dd] = [c ^ a, d ^ b];
    state[1] = b ^ cc;
    state[0] = a ^ dd;
    state[2] = cc ^ (b << 9);
    state[3] = (dd << 11) | (dd >>> 21);
    return result;
  }

  /** In [0, 1), with 53 random bits. */
  uniform(): number {
    return ((this.uint32() >>> 5) * 2 ** 26 + (this.uint32() >>> 6)) / 2 ** 53;
  }

  /** A whole number in [0, count). */
  below(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  /** Standard normal, by Box and Muller. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Puts `items` in random order, in place (Fisher and Yates). */
  shuffle<T extends { length: number; [index: number]: number }>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const kept = items[i]!;
      items[i] = items[j]!;
      items[j] = kept;
    }
    return items;
  }
}
