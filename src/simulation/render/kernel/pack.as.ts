/** Turns four-byte pixels into the RGB that leaves the kernel. */

/** Packs four-byte pixels into RGB. Reads up to 60 bytes beyond the last pixel, writes up to 48 beyond. */
export function packRgb(colour: usize, rgb: usize, pixels: i32): void {
  const last = colour + ((<usize>pixels) << 2);
  const order = i8x16(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
  for (let from = colour, to = rgb; from < last; from += 64, to += 48) {
    v128.store(to, i8x16.swizzle(v128.load(from), order));
    v128.store(to, i8x16.swizzle(v128.load(from, 16), order), 12);
    v128.store(to, i8x16.swizzle(v128.load(from, 32), order), 24);
    v128.store(to, i8x16.swizzle(v128.load(from, 48), order), 36);
  }
}

/** Packs blocks of 2 x 2 four-byte pixels, averaged, into `width` x `height` RGB. */
export function packHalved(colour: usize, rgb: usize, width: i32, height: i32): void {
  const stride = (<usize>width) << 3;
  let to = rgb;
  for (let row = 0; row < height; row++) {
    let from = colour + <usize>(2 * row) * stride;
    for (let column = 0; column < width; column++, from += 8, to += 3) {
      const upper = i16x8.extend_low_i8x16_u(v128.load64_zero(from));
      const lower = i16x8.extend_low_i8x16_u(v128.load64_zero(from + stride));
      const sum = i16x8.add(upper, lower);
      const total = i16x8.add(sum, v128.shuffle<i64>(sum, sum, 1, 0));
      const mean = i16x8.shr_u(i16x8.add(total, i16x8.splat(2)), 2);
      store<u32>(to, i32x4.extract_lane(i8x16.narrow_i16x8_u(mean, mean), 0));
    }
  }
}
