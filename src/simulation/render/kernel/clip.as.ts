/** Cuts triangles at the near plane. */
import { RECORD_BYTES } from './layout.as';
import { fillTriangle } from './triangle.as';

/** What is left of a cut triangle: at most four points, and their colours. */
const points: usize = memory.data(16 * 4);
const colours: usize = memory.data(16 * 4);

/** Draws the part of the triangle that lies beyond the near plane. */
export function clipTriangle(
  a: usize,
  b: usize,
  c: usize,
  colourA: usize,
  colourB: usize,
  colourC: usize,
  near: f32,
): void {
  let end = clipEdge(a, b, colourA, colourB, near, 0);
  end = clipEdge(b, c, colourB, colourC, near, end);
  end = clipEdge(c, a, colourC, colourA, near, end);
  for (let second = RECORD_BYTES; second + RECORD_BYTES < end; second += RECORD_BYTES) {
    const third = second + RECORD_BYTES;
    fillTriangle(points, points + second, points + third, colours, colours + second, colours + third);
  }
}

/** Keeps `from` if it is visible and the crossing point if the edge crosses; returns the next free offset. */
function clipEdge(
  from: usize,
  towards: usize,
  colourFrom: usize,
  colourTowards: usize,
  near: f32,
  end: usize,
): usize {
  const isFront = load<f32>(from, 12) >= near;
  if (isFront) {
    v128.store(points + end, v128.load(from));
    v128.store(colours + end, v128.load(colourFrom));
    end += RECORD_BYTES;
  }
  if (isFront != load<f32>(towards, 12) >= near) {
    // Always from the front, so that neighbours find the same point.
    if (isFront) cutEdge(from, towards, colourFrom, colourTowards, near, end);
    else cutEdge(towards, from, colourTowards, colourFrom, near, end);
    end += RECORD_BYTES;
  }
  return end;
}

/** The point of an edge on the near plane. The front end is on the screen, the other end is still homogeneous. */
function cutEdge(
  front: usize,
  behind: usize,
  colourFront: usize,
  colourBehind: usize,
  near: f32,
  end: usize,
): void {
  const frontDepth = load<f32>(front, 12);
  const share = (near - frontDepth) / (load<f32>(behind, 12) - frontDepth);
  const at = f32x4.mul(v128.load(front), f32x4.splat(frontDepth));
  const cut = f32x4.mul(mix(at, v128.load(behind), share), f32x4.splat(1 / near));
  v128.store(points + end, f32x4.replace_lane(f32x4.replace_lane(cut, 2, 1 / near), 3, near));
  v128.store(colours + end, mix(v128.load(colourFront), v128.load(colourBehind), share));
}

function mix(from: v128, towards: v128, share: f32): v128 {
  return f32x4.add(from, f32x4.mul(f32x4.sub(towards, from), f32x4.splat(share)));
}
