/** A repeatable stream of random numbers for one purpose, named so that streams of one seed never coincide. */

export class RandomStream {
  /** All that the next words depend on, (4,). */
  readonly state: Uint32Array;

  constructor(seed: number, purpose: string) {
    // FNV-1a over the name, mixed with the seed, starts the four words of xoshiro128** (Blackman & Vigna 2018).
    let hash = 2166136261;
    for (const byte of new TextEncoder().encode(`${seed}/${purpose}`))
      hash = Math.imul(hash ^ byte, 16777619);
    this.state = new Uint32Array(4).map(() => {
      hash = (hash + 0x9e3779b9) | 0; // splitmix32
      let word = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
      word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
      return word ^ (word >>> 15);
    });
  }

  /** 32 random bits, as a number from 0 to 2^32 - 1. */
  word(): number {
    const s = this.state;
    const product = Math.imul(s[1]!, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= shifted;
    s[3] = (s[3]! << 11) | (s[3]! >>> 21);
    return result;
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    return this.word() / 2 ** 32;
  }

  /** Standard normal (Box-Muller). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }
}
