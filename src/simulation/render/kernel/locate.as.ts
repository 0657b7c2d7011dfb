/** Finds instances that cannot be seen by their bounding spheres. */
import {
  BACK,
  CENTRE,
  CENTRE_X,
  CENTRE_Y,
  EYE,
  NEAR,
  POSITION,
  RADIUS,
  RIGHT,
  ROTATION,
  SCALE_X,
  SCALE_Y,
  UP,
} from './layout.as';

/** What a bounding sphere's position means for drawing. */
export const OUTSIDE: i32 = 0;
export const INSIDE: i32 = 1;
export const CROSSES_NEAR: i32 = 2;

/** Tests the instance's bounding sphere against the sides of the view and the near plane. */
export function locate(instance: usize, camera: usize, width: f32, height: f32): i32 {
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
  if (depth + radius < near) return OUTSIDE;
  const sx = load<f32>(camera, SCALE_X);
  const sy = load<f32>(camera, SCALE_Y);
  const cx = load<f32>(camera, CENTRE_X);
  const cy = load<f32>(camera, CENTRE_Y);
  // Each side is the plane where the screen coordinate is 0, width or height; distance to it in metres.
  if (outsideOf(sx, cx, offsetX, depth, radius)) return OUTSIDE;
  if (outsideOf(-sx, width - cx, offsetX, depth, radius)) return OUTSIDE;
  if (outsideOf(sy, cy, offsetY, depth, radius)) return OUTSIDE;
  if (outsideOf(-sy, height - cy, offsetY, depth, radius)) return OUTSIDE;
  return depth - radius < near ? CROSSES_NEAR : INSIDE;
}

/** Whether a sphere lies wholly beyond the plane scale * offset + centre * depth = 0. */
function outsideOf(scale: f32, centre: f32, offset: f32, depth: f32, radius: f32): bool {
  return scale * offset + centre * depth < -radius * sqrt<f32>(scale * scale + centre * centre);
}
