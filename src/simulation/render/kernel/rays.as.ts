/** From pixels back to points in space: what texture, sky and shadow are looked up by. */
import { BACK, CENTRE_X, CENTRE_Y, EYE, RIGHT, SCALE_X, SCALE_Y, UP } from './layout.as';

/** Bytes of a coordinate map. */
export const MAP_BYTES: usize = 16;

/**
 * Prepares a coordinate of the points seen by the camera: axis . (point - origin), with origin and axis in the world.
 * At pixel centre (column, row) and some depth it is `at + (from + column * dx + row * dy) * depth`; the four numbers
 * are written to `map`.
 */
export function mapCoordinate(
  map: usize,
  camera: usize,
  originX: f32,
  originY: f32,
  originZ: f32,
  axisX: f32,
  axisY: f32,
  axisZ: f32,
): void {
  const at =
    axisX * (load<f32>(camera, EYE) - originX) +
    axisY * (load<f32>(camera, EYE + 4) - originY) +
    axisZ * (load<f32>(camera, EYE + 8) - originZ);
  const dx = along(camera + RIGHT, axisX, axisY, axisZ) / load<f32>(camera, SCALE_X);
  const dy = -along(camera + UP, axisX, axisY, axisZ) / load<f32>(camera, SCALE_Y);
  const from =
    -along(camera + BACK, axisX, axisY, axisZ) +
    (0.5 - load<f32>(camera, CENTRE_X)) * dx +
    (0.5 - load<f32>(camera, CENTRE_Y)) * dy;
  store<f32>(map, at);
  store<f32>(map, from, 4);
  store<f32>(map, dx, 8);
  store<f32>(map, dy, 12);
}

function along(axis: usize, x: f32, y: f32, z: f32): f32 {
  return load<f32>(axis) * x + load<f32>(axis, 4) * y + load<f32>(axis, 8) * z;
}

/** The coordinate at four neighbouring pixels of a row, seen at these depths. */
export function coordinateAt(map: usize, column: i32, row: i32, depth: v128): v128 {
  const dx = load<f32>(map, 8);
  const first = load<f32>(map, 4) + <f32>column * dx + <f32>row * load<f32>(map, 12);
  const ray = f32x4.add(f32x4.splat(first), f32x4.mul(f32x4(0, 1, 2, 3), f32x4.splat(dx)));
  return f32x4.add(v128.load32_splat(map), f32x4.mul(ray, depth));
}
