/** Cuts triangles at the near plane. Works on homogeneous vertex records (x * depth, y * depth, depth). */
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
  const fromDepth = load<f32>(from, 8);
  const towardsDepth = load<f32>(towards, 8);
  if (fromDepth >= near) {
    project(v128.load(from), v128.load(from, 16), to);
    to += RECORD_BYTES;
  }
  if (fromDepth >= near != towardsDepth >= near) {
    const t = f32x4.splat((near - fromDepth) / (towardsDepth - fromDepth));
    project(
      mix(v128.load(from), v128.load(towards), t),
      mix(v128.load(from, 16), v128.load(towards, 16), t),
      to,
    );
    to += RECORD_BYTES;
  }
  return to;
}

function mix(from: v128, towards: v128, t: v128): v128 {
  return f32x4.add(from, f32x4.mul(f32x4.sub(towards, from), t));
}

function project(position: v128, colour: v128, to: usize): void {
  const inverse: f32 = 1 / f32x4.extract_lane(position, 2);
  v128.store(to, f32x4.replace_lane(f32x4.mul(position, f32x4.splat(inverse)), 2, inverse));
  v128.store(to, colour, 16);
}
