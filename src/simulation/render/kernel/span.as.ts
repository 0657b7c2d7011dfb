/**
 * Writes runs of pixels of one row, four at a time. These are the innermost loops: kept in functions of their own so
 * that all they need stays in registers.
 */
import { colourBuffer, depthBuffer, putStyled } from './pixel.as';

/**
 * Draws `count` pixels from byte `offset` on, where `within` and nearer than what is there. `depth` is 1/depth of the
 * first four, which rises by `depthStep` per pixel; `colour` and its step are red, green, blue and share of the shadow
 * light in 16.16 fixed point.
 */
export function fillSpan(
  offset: usize,
  count: i32,
  depth: v128,
  depthStep: f32,
  colour: v128,
  colourStep: v128,
  within: v128,
): void {
  const colours = colourBuffer - depthBuffer;
  const depthStep4 = f32x4.splat(4 * depthStep);
  let at = depthBuffer + offset;
  for (let left = count; left > 0; left -= 4, at += 16) {
    const old = v128.load(at);
    let visible = v128.and(within, f32x4.gt(depth, old));
    if (left < 4) visible = v128.and(visible, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(left)));
    if (v128.any_true(visible)) {
      v128.store(at, v128.bitselect(depth, old, visible));
      const pixels = pack(colour, colourStep);
      v128.store(at + colours, v128.bitselect(pixels, v128.load(at + colours), visible));
    }
    depth = f32x4.add(depth, depthStep4);
    colour = i32x4.add(colour, i32x4.shl(colourStep, 2));
  }
}

/** The same in any style. */
export function fillStyledSpan(
  offset: usize,
  count: i32,
  depth: v128,
  depthStep: f32,
  colour: v128,
  colourStep: v128,
  within: v128,
): void {
  for (let left = count; left > 0; left -= 4, offset += 16) {
    const old = v128.load(depthBuffer + offset);
    let visible = v128.and(within, f32x4.gt(depth, old));
    if (left < 4) visible = v128.and(visible, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(left)));
    if (v128.any_true(visible)) putStyled(offset, depth, old, pack(colour, colourStep), visible);
    depth = f32x4.add(depth, f32x4.splat(4 * depthStep));
    colour = i32x4.add(colour, i32x4.shl(colourStep, 2));
  }
}

/** Four pixels of which each differs from the one before by `step`, as bytes. */
function pack(colour: v128, step: v128): v128 {
  const second = i32x4.add(colour, step);
  const third = i32x4.add(second, step);
  const fourth = i32x4.add(third, step);
  return i8x16.narrow_i16x8_u(
    i16x8.narrow_i32x4_s(i32x4.shr_s(colour, 16), i32x4.shr_s(second, 16)),
    i16x8.narrow_i32x4_s(i32x4.shr_s(third, 16), i32x4.shr_s(fourth, 16)),
  );
}
