/** Runs of pixels of one row, four at a time: the innermost loop, in a function of its own to stay in registers. */
import { colourBuffer, depthBuffer, isDepthOnly, Pixels, putStyled } from './pixel.as';

/** All four lanes of a mask. */
const ALL: i32 = 15;

/**
 * Draws `count` pixels from byte `offset` on, where nearer than what is there. `depth` is 1/depth of the
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
): void {
  const toColour = colourBuffer - depthBuffer;
  const depthStep4 = f32x4.splat(4 * depthStep);
  const colourStep4 = i32x4.shl(colourStep, 2);
  let at = depthBuffer + offset;
  let left = count;
  for (; left >= 8; left -= 8, at += 32) {
    const old = v128.load(at);
    const nextOld = v128.load(at, 16);
    const nextDepth = f32x4.add(depth, depthStep4);
    const nextColour = i32x4.add(colour, colourStep4);
    const visible = f32x4.gt(depth, old);
    const nextVisible = f32x4.gt(nextDepth, nextOld);
    if (i32x4.bitmask(v128.and(visible, nextVisible)) == ALL) {
      v128.store(at, depth);
      v128.store(at, nextDepth, 16);
      v128.store(at + toColour, Pixels.pack(colour, colourStep));
      v128.store(at + toColour, Pixels.pack(nextColour, colourStep), 16);
    } else if (v128.any_true(v128.or(visible, nextVisible))) {
      Pixels.put(at, at + toColour, depth, old, Pixels.pack(colour, colourStep), visible);
      const pixels = Pixels.pack(nextColour, colourStep);
      Pixels.put(at + 16, at + 16 + toColour, nextDepth, nextOld, pixels, nextVisible);
    }
    depth = f32x4.add(nextDepth, depthStep4);
    colour = i32x4.add(nextColour, colourStep4);
  }
  for (; left > 0; left -= 4, at += 16) {
    const old = v128.load(at);
    const visible = v128.and(f32x4.gt(depth, old), i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(left)));
    if (v128.any_true(visible)) {
      Pixels.put(at, at + toColour, depth, old, Pixels.pack(colour, colourStep), visible);
    }
    depth = f32x4.add(depth, depthStep4);
    colour = i32x4.add(colour, colourStep4);
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
): void {
  const depthStep4 = f32x4.splat(4 * depthStep);
  if (isDepthOnly) {
    fillDepthSpan(depthBuffer + offset, count, depth, depthStep4);
    return;
  }
  for (let left = count; left > 0; left -= 4, offset += 16) {
    const old = v128.load(depthBuffer + offset);
    let visible = f32x4.gt(depth, old);
    if (left < 4) visible = v128.and(visible, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(left)));
    if (v128.any_true(visible)) putStyled(offset, depth, old, Pixels.pack(colour, colourStep), visible);
    depth = f32x4.add(depth, depthStep4);
    colour = i32x4.add(colour, i32x4.shl(colourStep, 2));
  }
}

function fillDepthSpan(at: usize, count: i32, depth: v128, depthStep4: v128): void {
  let left = count;
  for (; left >= 4; left -= 4, at += 16) {
    v128.store(at, f32x4.pmax(v128.load(at), depth));
    depth = f32x4.add(depth, depthStep4);
  }
  const within = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(left));
  const old = v128.load(at);
  v128.store(at, v128.bitselect(f32x4.pmax(old, depth), old, within));
}
