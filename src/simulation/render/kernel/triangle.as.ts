/**
 * Fills one screen triangle into the depth and colour buffers, four pixels at a time. A pixel belongs to a triangle
 * when its centre does.
 *
 * 1/depth is linear on the screen, so it is both the interpolated depth and the depth test: greater is nearer.
 * Triangles of up to four columns, nearly all of a fine mesh, are tested against their three edges; for wider ones the
 * edges are walked row by row. There the x of an edge in a row is always computed from its upper vertex by the same
 * expression, so neighbours that share the edge agree on every pixel: no gaps, no pixel drawn twice.
 */

import { colourBuffer, depthBuffer, height, isPlain, Pixels, putStyled, width } from './pixel.as';
import { fillSpan, fillStyledSpan } from './span.as';

/** Colours step along a row in 16.16 fixed point: an integer add and shift per pixel instead of a conversion. */
const FIXED: f32 = 65536;
const HALF: f32 = 32768;

/** Columns that are tested at once. */
const NARROW: i32 = 4;

/** Draws the triangle of three points and their colours if it faces the camera (counter-clockwise with y up). */
export function fillTriangle(
  a: usize,
  b: usize,
  c: usize,
  colourA: usize,
  colourB: usize,
  colourC: usize,
): void {
  const pa = v128.load(a);
  const pb = v128.load(b);
  const pc = v128.load(c);
  const ab = f32x4.sub(pb, pa);
  const ac = f32x4.sub(pc, pa);
  const bx = f32x4.extract_lane(ab, 0);
  const by = f32x4.extract_lane(ab, 1);
  const cx = f32x4.extract_lane(ac, 0);
  const cy = f32x4.extract_lane(ac, 1);
  const area = bx * cy - cx * by;
  if (!(area < 0)) return; // also drops NaN

  // Columns and rows whose pixel centres lie within the triangle's box.
  const half = f32x4.splat(0.5);
  const first = i32x4.trunc_sat_f32x4_s(f32x4.ceil(f32x4.sub(f32x4.pmin(pa, f32x4.pmin(pb, pc)), half)));
  const last = i32x4.trunc_sat_f32x4_s(f32x4.ceil(f32x4.sub(f32x4.pmax(pa, f32x4.pmax(pb, pc)), half)));
  const firstColumn = max(0, i32x4.extract_lane(first, 0));
  const endColumn = min(width, i32x4.extract_lane(last, 0));
  const firstRow = max(0, i32x4.extract_lane(first, 1));
  const endRow = min(height, i32x4.extract_lane(last, 1));
  if (firstColumn >= endColumn || firstRow >= endRow) return;

  // Gradients of 1/depth and colour over the screen.
  const scale: f32 = 1 / area;
  const aw = f32x4.extract_lane(pa, 2);
  const bw = f32x4.extract_lane(ab, 2);
  const cw = f32x4.extract_lane(ac, 2);
  const depthDx = (bw * cy - cw * by) * scale;
  const depthDy = (cw * bx - bw * cx) * scale;
  const aColour = v128.load(colourA);
  const bColour = f32x4.mul(f32x4.sub(v128.load(colourB), aColour), f32x4.splat(scale));
  const cColour = f32x4.mul(f32x4.sub(v128.load(colourC), aColour), f32x4.splat(scale));
  const colourDx = f32x4.sub(f32x4.mul(bColour, f32x4.splat(cy)), f32x4.mul(cColour, f32x4.splat(by)));
  const colourDy = f32x4.sub(f32x4.mul(cColour, f32x4.splat(bx)), f32x4.mul(bColour, f32x4.splat(cx)));
  const fixedDx = i32x4.trunc_sat_f32x4_s(f32x4.mul(colourDx, f32x4.splat(FIXED)));

  const plain = isPlain;
  const ax = f32x4.extract_lane(pa, 0);
  const ay = f32x4.extract_lane(pa, 1);
  if (endColumn - firstColumn <= NARROW) {
    const dx: f32 = <f32>firstColumn + 0.5 - ax;
    const dy: f32 = <f32>firstRow + 0.5 - ay;
    const x = f32x4.add(f32x4(0, 1, 2, 3), f32x4.splat(dx));
    // Twice the area spanned by each edge and the pixel: not positive for all three within the triangle.
    let edgeA = f32x4.sub(f32x4.splat(bx * dy), f32x4.mul(f32x4.splat(by), x));
    let edgeB = f32x4.sub(
      f32x4.splat((cx - bx) * (dy - by)),
      f32x4.mul(f32x4.splat(cy - by), f32x4.sub(x, f32x4.splat(bx))),
    );
    let edgeC = f32x4.sub(f32x4.mul(f32x4.splat(cy), x), f32x4.splat(cx * dy));
    const stepA = f32x4.splat(bx);
    const stepB = f32x4.splat(cx - bx);
    const stepC = f32x4.splat(-cx);
    let depth = f32x4.add(f32x4.splat(aw + dy * depthDy), f32x4.mul(x, f32x4.splat(depthDx)));
    const stepDepth = f32x4.splat(depthDy);
    let colour = startColour(aColour, colourDx, colourDy, dx, dy);
    const stepColour = f32x4.mul(colourDy, f32x4.splat(FIXED));
    const columns = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(endColumn - firstColumn));
    const zero = f32x4.splat(0);
    let offset = (<usize>(firstRow * width + firstColumn)) << 2;
    for (let row = firstRow; row < endRow; row++, offset += (<usize>width) << 2) {
      const old = v128.load(depthBuffer + offset);
      const within = v128.and(
        v128.and(f32x4.le(edgeA, zero), f32x4.le(edgeB, zero)),
        v128.and(f32x4.le(edgeC, zero), columns),
      );
      const visible = v128.and(within, f32x4.gt(depth, old));
      if (v128.any_true(visible)) {
        const pixels = Pixels.pack(i32x4.trunc_sat_f32x4_s(colour), fixedDx);
        if (plain) Pixels.put(depthBuffer + offset, colourBuffer + offset, depth, old, pixels, visible);
        else putStyled(offset, depth, old, pixels, visible);
      }
      edgeA = f32x4.add(edgeA, stepA);
      edgeB = f32x4.add(edgeB, stepB);
      edgeC = f32x4.add(edgeC, stepC);
      depth = f32x4.add(depth, stepDepth);
      colour = f32x4.add(colour, stepColour);
    }
    return;
  }

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
  const depthRamp = f32x4.mul(f32x4(0, 1, 2, 3), f32x4.splat(depthDx));
  for (let row = firstRow; row < endRow; row++) {
    const y: f32 = <f32>row + 0.5;
    const long = topX + (y - topY) * longSlope;
    const short = y < middleY ? topX + (y - topY) * upperSlope : middleX + (y - middleY) * lowerSlope;
    const start = max(firstColumn, <i32>ceil((longIsLeft ? long : short) - 0.5));
    const end = min(endColumn, <i32>ceil((longIsLeft ? short : long) - 0.5));
    if (start >= end) continue;
    const dx: f32 = <f32>start + 0.5 - ax;
    const dy: f32 = y - ay;
    const depth = f32x4.add(f32x4.splat(aw + dx * depthDx + dy * depthDy), depthRamp);
    const fixed = i32x4.trunc_sat_f32x4_s(startColour(aColour, colourDx, colourDy, dx, dy));
    const offset = (<usize>(row * width + start)) << 2;
    if (plain) fillSpan(offset, end - start, depth, depthDx, fixed, fixedDx);
    else fillStyledSpan(offset, end - start, depth, depthDx, fixed, fixedDx);
  }
}

/** Fixed-point colour (as floats) at an offset from the first vertex, half a unit up for rounding. */
function startColour(colour: v128, gradientX: v128, gradientY: v128, dx: f32, dy: f32): v128 {
  const sum = f32x4.add(
    colour,
    f32x4.add(f32x4.mul(gradientX, f32x4.splat(dx)), f32x4.mul(gradientY, f32x4.splat(dy))),
  );
  return f32x4.add(f32x4.mul(sum, f32x4.splat(FIXED)), f32x4.splat(HALF));
}
