/**
 * Seeded random numbers: one stream per purpose, so that drawing more of one thing never shifts another.
 * The same seed and purpose give the same numbers on every machine.
 */

/** A stream of random numbers (sfc32 of PractRand, seeded by an FNV-1a hash of purpose and seed). */
export class Random {
  readonly #state = new Uint32Array(4);

  constructor(seed: number, purpose: string) {
    let hash = 2166136261;
    for (const character of `${purpose}:${seed}`) {
      hash = Math.imul(hash ^ character.codePointAt(0)!, 16777619);
    }
    this.#state.set([hash, seed >>> 0, Math.floor(seed / 2 ** 32), 1]);
    for (let i = 0; i < 20; i += 1) this.uint32();
  }

  /** Uniform integer in [0, 2^32). */
  uint32(): number {
    const s = this.#state;
    const result = (s[0]! + s[1]! + s[3]!) >>> 0;
    s[3] = s[3]! + 1;
    s[0] = s[1]! ^ (s[1]! >>> 9);
    s[1] = s[2]! + (s[2]! << 3);
    s[2] = ((s[2]! << 21) | (s[2]! >>> 11)) + result;
    return result;
  }

  /** Uniform in [low, high), 53 bits. */
  uniform(low = 0, high = 1): number {
    const unit = ((this.uint32() >>> 5) * 2 ** 26 + (this.uint32() >>> 6)) / 2 ** 53;
    return low + (high - low) * unit;
  }

  /** Uniform integer in [0, count). */
  integer(count: number): number {
    return Math.floor(this.uniform(0, count));
  }

  /** Normal with the given standard deviation (Box-Muller, one of the pair). */
  normal(deviation = 1): number {
    return deviation * Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Shuffles in place (Fisher-Yates) and returns the array. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i -= 1) {
      const j = this.integer(i + 1);
      [items[i], items[j]] = [items[j]!, items[i]!];
    }
    return items;
  }
}
