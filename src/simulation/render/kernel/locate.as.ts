/** Finds instances that cannot be seen by their bounding spheres. */
import {
  BACK,
  CENTRE,
  CENTRE_X,
  CENTRE_Y,
  EYE,
  IN_VIEW_BYTES,
  INSTANCE_BYTES,
  NEAR,
  POSITION,
  RADIUS,
  RIGHT,
  ROTATION,
  SCALE_X,
  SCALE_Y,
  UP,
} from './layout.as';

/**
 * Lists the instances that the camera may see, the nearest first, so that what they hide is not drawn in vain.
 * Returns the end of the list.
 */
export function listInView(
  instances: usize,
  count: i32,
  camera: usize,
  width: f32,
  height: f32,
  list: usize,
): usize {
  let end = list;
  for (let i = 0; i < count; i++) {
    const instance = instances + <usize>i * INSTANCE_BYTES;
    const nearest = nearestDepth(instance, camera, width, height);
    if (nearest == Infinity) continue;
    let to = end;
    while (to > list && load<f32>(to - IN_VIEW_BYTES, 4) > nearest) {
      memory.copy(to, to - IN_VIEW_BYTES, IN_VIEW_BYTES);
      to -= IN_VIEW_BYTES;
    }
    store<u32>(to, <u32>instance);
    store<f32>(to, nearest, 4);
    store<u32>(to, nearest < load<f32>(camera, NEAR) ? 1 : 0, 8);
    end += IN_VIEW_BYTES;
  }
  return end;
}

/** Depth of the nearest point of the instance's bounding sphere; infinity where it lies wholly out of view. */
function nearestDepth(instance: usize, camera: usize, width: f32, height: f32): f32 {
  let offsetX: f32 = 0;
  let offsetY: f32 = 0;
  let depth: f32 = 0;
  for (let row: usize = 0; row < 3; row++) {
    const m = instance + ROTATION + row * 12;
    const world =
      load<f32>(instance + (row << 2), POSITION) +
      load<f32>(m) * load<f32>(instance, CENTRE) +
      load<f32>(m, 4) * load<f32>(instance, CENTRE + 4) +
      load<f32>(m, 8) * load<f32>(instance, CENTRE + 8) -
      load<f32>(camera + (row << 2), EYE);
    offsetX += world * load<f32>(camera + (row << 2), RIGHT);
    offsetY -= world * load<f32>(camera + (row << 2), UP);
    depth -= world * load<f32>(camera + (row << 2), BACK);
  }
  const radius = load<f32>(instance, RADIUS);
  const near = load<f32>(camera, NEAR);
  if (depth + radius < near) return Infinity;
  const sx = load<f32>(camera, SCALE_X);
  const sy = load<f32>(camera, SCALE_Y);
  const cx = load<f32>(camera, CENTRE_X);
  const cy = load<f32>(camera, CENTRE_Y);
  // Each side is the plane where the screen coordinate is 0, width or height; distance to it in metres.
  if (outsideOf(sx, cx, offsetX, depth, radius)) return Infinity;
  if (outsideOf(-sx, width - cx, offsetX, depth, radius)) return Infinity;
  if (outsideOf(sy, cy, offsetY, depth, radius)) return Infinity;
  if (outsideOf(-sy, height - cy, offsetY, depth, radius)) return Infinity;
  return depth - radius;
}

/** Whether a sphere lies wholly beyond the plane scale * offset + centre * depth = 0. */
function outsideOf(scale: f32, centre: f32, offset: f32, depth: f32, radius: f32): bool {
  return scale * offset + centre * depth < -radius * sqrt<f32>(scale * scale + centre * centre);
}
