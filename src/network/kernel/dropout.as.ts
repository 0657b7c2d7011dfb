/** Draws dropout masks. `dropoutMasks.ts` lays out the memory and says what the numbers mean. */

/** First byte that the host may use. */
export const heapBase: usize = __heap_base;

/**
 * Makes 4 * `words` bytes at `mask` 1 with probability 1 - `dropped` / 256 and 0 else, and writes up to 12 more.
 * `state` is that of `RandomStream`: the generator here is the same, so the words are those it would have given.
 */
export function drawMask(state: usize, mask: usize, words: i32, dropped: i32): void {
  let a = load<u32>(state);
  let b = load<u32>(state, 4);
  let c = load<u32>(state, 8);
  let d = load<u32>(state, 12);
  const end = mask + ((<usize>words) << 2);
  for (let to = mask; to < end; to += 4) {
    store<u32>(to, rotl<u32>(b * 5, 7) * 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotl<u32>(d, 11);
  }
  store<u32>(state, a);
  store<u32>(state, b, 4);
  store<u32>(state, c, 8);
  store<u32>(state, d, 12);

  const limit = i8x16.splat(<i8>dropped);
  const one = i8x16.splat(1);
  for (let at = mask; at < end; at += 16) v128.store(at, v128.and(i8x16.ge_u(v128.load(at), limit), one));
}
