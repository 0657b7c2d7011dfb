/** The buffers that triangles are drawn into, four pixels at a time. */
import { isTextured, modulate } from './texture.as';

/** The buffers: 1/depth (0 where nothing is drawn), and red, green, blue, share of the shadow light. */
export let depthBuffer: usize = 0;
export let colourBuffer: usize = 0;

/** Columns and rows of the buffers. */
export let width: i32 = 0;
export let height: i32 = 0;

/** Whether triangles are drawn opaque and without texture, which needs no call per four pixels. */
export let isPlain: bool = true;

const OPAQUE: i32 = 256;
let alpha: i32 = OPAQUE;
/** Whether triangles leave no colour. */
export let isDepthOnly: bool = false;

/** Where to draw. Both buffers hold columns x rows 4-byte pixels, followed by 16 spare bytes. */
export function setTarget(depth: usize, colour: usize, columns: i32, rows: i32): void {
  depthBuffer = depth;
  colourBuffer = colour;
  width = columns;
  height = rows;
}

/** Empties the current target: black, nothing drawn. */
export function clearTarget(): void {
  const bytes = (<usize>(width * height)) << 2;
  memory.fill(depthBuffer, 0, bytes);
  memory.fill(colourBuffer, 0, bytes);
}

/** Triangles leave no colour from now on, until the next style is set. */
export function setDepthOnly(): void {
  alpha = OPAQUE;
  isDepthOnly = true;
  isPlain = false;
}

/** How the next triangles are drawn: with the current texture if any, and with this opacity (1 is opaque). */
export function setStyle(opacity: f32): void {
  alpha = <i32>nearest(opacity * <f32>OPAQUE);
  isDepthOnly = false;
  isPlain = alpha == OPAQUE && !isTextured();
}

/** What the innermost loops do, put in place: a call per four pixels would cost as much as drawing them. */
export class Pixels {
  /** Four pixels as bytes; each differs from the one before by `step`, in 16.16 fixed point. */
  @inline
  static pack(colour: v128, step: v128): v128 {
    const second = i32x4.add(colour, step);
    const third = i32x4.add(second, step);
    const fourth = i32x4.add(third, step);
    return i8x16.narrow_i16x8_u(
      i16x8.narrow_i32x4_s(i32x4.shr_s(colour, 16), i32x4.shr_s(second, 16)),
      i16x8.narrow_i32x4_s(i32x4.shr_s(third, 16), i32x4.shr_s(fourth, 16)),
    );
  }

  /** Writes four pixels and their depths where `visible`; `old` is the depth that is there now. */
  @inline
  static put(
    depthAt: usize,
    colourAt: usize,
    inverseDepth: v128,
    old: v128,
    pixels: v128,
    visible: v128,
  ): void {
    v128.store(depthAt, v128.bitselect(inverseDepth, old, visible));
    v128.store(colourAt, v128.bitselect(pixels, v128.load(colourAt), visible));
  }
}

/**
 * Writes four neighbouring pixels, the first at byte `offset`, where `visible`, in whatever style is set. Transparent
 * things leave the depth as it is.
 */
export function putStyled(offset: usize, inverseDepth: v128, old: v128, pixels: v128, visible: v128): void {
  if (alpha == OPAQUE) v128.store(depthBuffer + offset, v128.bitselect(inverseDepth, old, visible));
  if (isDepthOnly) return;
  const before = v128.load(colourBuffer + offset);
  let after = pixels;
  if (isTextured()) {
    const index = <i32>(offset >> 2);
    after = modulate(after, index % width, index / width, inverseDepth);
  }
  if (alpha < OPAQUE) after = blend(after, before);
  v128.store(colourBuffer + offset, v128.bitselect(after, before, visible));
}

/** The new pixels over the old ones with the current opacity. */
function blend(over: v128, under: v128): v128 {
  const a = i16x8.splat(<i16>alpha);
  const rest = i16x8.splat(<i16>(OPAQUE - alpha));
  const low = i16x8.add(
    i16x8.mul(i16x8.extend_low_i8x16_u(over), a),
    i16x8.mul(i16x8.extend_low_i8x16_u(under), rest),
  );
  const high = i16x8.add(
    i16x8.mul(i16x8.extend_high_i8x16_u(over), a),
    i16x8.mul(i16x8.extend_high_i8x16_u(under), rest),
  );
  return i8x16.narrow_i16x8_u(i16x8.shr_u(low, 8), i16x8.shr_u(high, 8));
}
