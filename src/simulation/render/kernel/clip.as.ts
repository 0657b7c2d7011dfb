/** Cuts triangles at the near plane. */
import { RECORD_BYTES } from './layout.as';
import { fillTriangle } from './triangle.as';

/** At most four corners remain of a cut triangle. */
const corners: usize = memory.data(32 * 4);

/** Draws the part of the triangle that lies beyond the near plane. */
export function clipTriangle(a: usize, b: usize, c: usize, near: f32): void {
  let to = corners;
  to = clipEdge(a, b, near, to);
  to = clipEdge(b, c, near, to);
  to = clipEdge(c, a, near, to);
  const count = (to - corners) / RECORD_BYTES;
  if (count < 3) return;
  fillTriangle(corners, corners + RECORD_BYTES, corners + 2 * RECORD_BYTES);
  if (count == 4) fillTriangle(corners, corners + 2 * RECORD_BYTES, corners + 3 * RECORD_BYTES);
}

/** Writes `from` if it is visible and the crossing point if the edge crosses; returns the next free record. */
function clipEdge(from: usize, towards: usize, near: f32, to: usize): usize {
  const isFront = load<f32>(from, 12) >= near;
  if (isFront) {
    memory.copy(to, from, RECORD_BYTES);
    to += RECORD_BYTES;
  }
  if (isFront != load<f32>(towards, 12) >= near) {
    // Always from the front, so that neighbours find the same point.
    cutEdge(isFront ? from : towards, isFront ? towards : from, near, to);
    to += RECORD_BYTES;
  }
  return to;
}

/** The point of an edge on the near plane. The front end is on the screen, the other end is still homogeneous. */
function cutEdge(front: usize, behind: usize, near: f32, to: usize): void {
  const frontDepth = load<f32>(front, 12);
  const share = (near - frontDepth) / (load<f32>(behind, 12) - frontDepth);
  const inverse: f32 = 1 / near;
  for (let axis: usize = 0; axis < 8; axis += 4) {
    const at = load<f32>(front + axis) * frontDepth;
    store<f32>(to + axis, (at + (load<f32>(behind + axis) - at) * share) * inverse);
  }
  store<f32>(to, inverse, 8);
  store<f32>(to, near, 12);
  const colour = v128.load(front, 16);
  v128.store(
    to,
    f32x4.add(colour, f32x4.mul(f32x4.sub(v128.load(behind, 16), colour), f32x4.splat(share))),
    16,
  );
}
