/**
 * Picks the triangles that will reach the screen before anything costly is done for them. In a fine mesh most face
 * away or fall between pixel centres, and their corners need no light.
 */
import { INDICES, TRIANGLES } from './layout.as';

/** Log2 of the bytes of four corners' colours: one mark per four corners. */
const MARK_SHIFT: usize = 6;

/**
 * Lists pointers to the three points of each of the instance's triangles that face the camera and hold a pixel
 * centre, or that reach through the near plane. Sets the mark of each four corners they use. Returns the list's end.
 */
export function selectVisible(
  instance: usize,
  screen: usize,
  marks: usize,
  list: usize,
  width: f32,
  height: f32,
  near: f32,
  crossesNear: bool,
): usize {
  const half = f32x4.splat(0.5);
  const low = f32x4.splat(0);
  const high = f32x4(width, height, 0, 0);
  let index = <usize>load<u32>(instance, INDICES);
  const toCorners = <usize>load<u32>(instance, TRIANGLES) * 12;
  const end = index + toCorners;
  let to = list;
  for (; index < end; index += 12) {
    const a = v128.load(screen + <usize>load<u32>(index));
    const b = v128.load(screen + <usize>load<u32>(index, 4));
    const c = v128.load(screen + <usize>load<u32>(index, 8));
    const least = f32x4.pmin(a, f32x4.pmin(b, c));
    const greatest = f32x4.pmax(a, f32x4.pmax(b, c));
    if (crossesNear && f32x4.extract_lane(least, 3) < near) {
      if (f32x4.extract_lane(greatest, 3) < near) continue;
    } else {
      // First pixel centre at or after the smallest x and y, and at or after the greatest: equal when none is between.
      const first = f32x4.pmax(low, f32x4.ceil(f32x4.sub(least, half)));
      const last = f32x4.pmin(high, f32x4.ceil(f32x4.sub(greatest, half)));
      if ((i32x4.bitmask(f32x4.lt(first, last)) & 3) != 3) continue;
      const ab = f32x4.sub(b, a);
      const ac = f32x4.sub(c, a);
      const products = f32x4.mul(ab, v128.shuffle<f32>(ac, ac, 1, 0, 2, 3));
      if (!(f32x4.extract_lane(products, 0) < f32x4.extract_lane(products, 1))) continue;
    }
    store<u32>(to, <u32>index);
    to += 4;
    const corners = index + toCorners;
    store<u8>(marks + ((<usize>load<u32>(corners)) >> MARK_SHIFT), 1);
    store<u8>(marks + ((<usize>load<u32>(corners, 4)) >> MARK_SHIFT), 1);
    store<u8>(marks + ((<usize>load<u32>(corners, 8)) >> MARK_SHIFT), 1);
  }
  return to;
}
