/**
 * Fills one screen triangle into the depth and colour buffers, four pixels at a time.
 *
 * Scan conversion walks the two edges row by row. The x of an edge in a row is always computed from the edge's upper
 * vertex by the same expression, so neighbours that share an edge agree on every pixel: no gaps, no pixel drawn twice.
 * A pixel belongs to a triangle when its centre does.
 * 1/depth is linear on the screen, so it is both the interpolated depth and the depth test: greater is nearer.
 */

/** Colours step along a row in 16.16 fixed point: an integer add and shift per pixel instead of a conversion. */
const FIXED: f32 = 65536;
const HALF: f32 = 32768;

let depthBuffer: usize = 0;
let colourBuffer: usize = 0;
let width: i32 = 0;
let height: i32 = 0;

/** Where to draw. Both buffers hold width x height 4-byte pixels, followed by 16 spare bytes. */
export function setTarget(depth: usize, colour: usize, columns: i32, rows: i32): void {
  depthBuffer = depth;
  colourBuffer = colour;
  width = columns;
  height = rows;
}

/** Draws the triangle of three vertex records if it faces the camera (counter-clockwise with y up). */
export function fillTriangle(a: usize, b: usize, c: usize): void {
  const ax = load<f32>(a);
  const ay = load<f32>(a, 4);
  const bx = load<f32>(b) - ax;
  const by = load<f32>(b, 4) - ay;
  const cx = load<f32>(c) - ax;
  const cy = load<f32>(c, 4) - ay;
  const area = bx * cy - cx * by;
  if (!(area < 0)) return; // also drops NaN

  // Rows and columns whose pixel centres lie within the triangle's box; most triangles of a fine mesh have none.
  const firstRow = max(0, <i32>ceil(ay + min<f32>(0, min(by, cy)) - 0.5));
  const endRow = min(height, <i32>ceil(ay + max<f32>(0, max(by, cy)) - 0.5));
  if (firstRow >= endRow) return;
  const firstColumn = max(0, <i32>ceil(ax + min<f32>(0, min(bx, cx)) - 0.5));
  const endColumn = min(width, <i32>ceil(ax + max<f32>(0, max(bx, cx)) - 0.5));
  if (firstColumn >= endColumn) return;

  // Gradients of 1/depth and colour over the screen.
  const scale: f32 = 1 / area;
  const aw = load<f32>(a, 8);
  const bw = load<f32>(b, 8) - aw;
  const cw = load<f32>(c, 8) - aw;
  const depthDx = (bw * cy - cw * by) * scale;
  const depthDy = (cw * bx - bw * cx) * scale;
  const aColour = v128.load(a, 16);
  const bColour = f32x4.mul(f32x4.sub(v128.load(b, 16), aColour), f32x4.splat(scale));
  const cColour = f32x4.mul(f32x4.sub(v128.load(c, 16), aColour), f32x4.splat(scale));
  const colourDx = f32x4.sub(f32x4.mul(bColour, f32x4.splat(cy)), f32x4.mul(cColour, f32x4.splat(by)));
  const colourDy = f32x4.sub(f32x4.mul(cColour, f32x4.splat(bx)), f32x4.mul(bColour, f32x4.splat(cx)));
  const fixedDx = i32x4.trunc_sat_f32x4_s(f32x4.mul(colourDx, f32x4.splat(FIXED)));
  const depthDx4 = f32x4.splat(depthDx * 4);
  const depthRamp = f32x4.mul(f32x4(0, 1, 2, 3), f32x4.splat(depthDx));

  // Vertices by height: top, middle, bottom.
  let top = a;
  let middle = b;
  let bottom = c;
  if (load<f32>(top, 4) > load<f32>(middle, 4)) {
    const swap = top;
    top = middle;
    middle = swap;
  }
  if (load<f32>(middle, 4) > load<f32>(bottom, 4)) {
    const swap = middle;
    middle = bottom;
    bottom = swap;
  }
  if (load<f32>(top, 4) > load<f32>(middle, 4)) {
    const swap = top;
    top = middle;
    middle = swap;
  }
  const topX = load<f32>(top);
  const topY = load<f32>(top, 4);
  const middleX = load<f32>(middle);
  const middleY = load<f32>(middle, 4);
  const longSlope = (load<f32>(bottom) - topX) / (load<f32>(bottom, 4) - topY);
  const upperSlope = (middleX - topX) / (middleY - topY);
  const lowerSlope = (load<f32>(bottom) - middleX) / (load<f32>(bottom, 4) - middleY);
  const longIsLeft = topX + (middleY - topY) * longSlope < middleX;

  for (let row = firstRow; row < endRow; row++) {
    const y: f32 = <f32>row + 0.5;
    const long = topX + (y - topY) * longSlope;
    const short = y < middleY ? topX + (y - topY) * upperSlope : middleX + (y - middleY) * lowerSlope;
    const start = max(firstColumn, <i32>ceil((longIsLeft ? long : short) - 0.5));
    const end = min(endColumn, <i32>ceil((longIsLeft ? short : long) - 0.5));
    if (start >= end) continue;

    const dx: f32 = <f32>start + 0.5 - ax;
    const dy: f32 = y - ay;
    let depth = f32x4.add(f32x4.splat(aw + dx * depthDx + dy * depthDy), depthRamp);
    const first = f32x4.add(
      aColour,
      f32x4.add(f32x4.mul(colourDx, f32x4.splat(dx)), f32x4.mul(colourDy, f32x4.splat(dy))),
    );
    let colour = i32x4.trunc_sat_f32x4_s(f32x4.add(f32x4.mul(first, f32x4.splat(FIXED)), f32x4.splat(HALF)));
    let offset = (<usize>(row * width + start)) << 2;
    for (let left = end - start; left > 0; left -= 4, offset += 16) {
      const old = v128.load(depthBuffer + offset);
      let visible = f32x4.gt(depth, old);
      if (left < 4) visible = v128.and(visible, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(left)));
      if (v128.any_true(visible)) {
        const second = i32x4.add(colour, fixedDx);
        const third = i32x4.add(second, fixedDx);
        const fourth = i32x4.add(third, fixedDx);
        const pixels = i8x16.narrow_i16x8_u(
          i16x8.narrow_i32x4_s(i32x4.shr_s(colour, 16), i32x4.shr_s(second, 16)),
          i16x8.narrow_i32x4_s(i32x4.shr_s(third, 16), i32x4.shr_s(fourth, 16)),
        );
        v128.store(depthBuffer + offset, v128.bitselect(depth, old, visible));
        v128.store(colourBuffer + offset, v128.bitselect(pixels, v128.load(colourBuffer + offset), visible));
      }
      depth = f32x4.add(depth, depthDx4);
      colour = i32x4.add(colour, i32x4.shl(fixedDx, 2));
    }
  }
}
