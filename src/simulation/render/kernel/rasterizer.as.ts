/**
 * The drawing kernel: instances, lights and a camera in, RGB pixels out. One call draws one image.
 * All memory beyond `heapBase` is laid out by the host (`scene.ts`).
 */
import { clipTriangle } from './clip.as';
export { packHalved, packRgb } from './pack.as';
import {
  BACK,
  CENTRE,
  CENTRE_X,
  CENTRE_Y,
  EYE,
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
import { lightVertices } from './light.as';
import { projectVertices } from './project.as';
import { selectVisible } from './select.as';
import { fillTriangle, setTarget } from './triangle.as';

/** First byte that the host may use. */
export const heapBase: usize = __heap_base;

/** What a bounding sphere's position means for drawing. */
const OUTSIDE: i32 = 0;
const INSIDE: i32 = 1;
const CROSSES_NEAR: i32 = 2;

/** Draws `count` instances into buffers of `width` x `height` pixels. `marks` are zero before and after. */
export function draw(
  instances: usize,
  count: i32,
  camera: usize,
  lights: usize,
  lightCount: i32,
  records: usize,
  marks: usize,
  list: usize,
  depth: usize,
  colour: usize,
  width: i32,
  height: i32,
  background: u32,
): void {
  clear(depth, colour, <usize>(width * height), background);
  setTarget(depth, colour, width, height);
  const near = load<f32>(camera, NEAR);
  for (let i = 0; i < count; i++) {
    const instance = instances + <usize>i * INSTANCE_BYTES;
    const place = locate(instance, camera, <f32>width, <f32>height);
    if (place == OUTSIDE) continue;
    const crossesNear = place == CROSSES_NEAR;
    projectVertices(instance, camera, records, crossesNear);
    const end = selectVisible(instance, records, marks, list, <f32>width, <f32>height, near, crossesNear);
    if (end == list) continue;
    lightVertices(instance, camera, lights, lightCount, records, marks);
    for (let at = list; at < end; at += 4) {
      const index = <usize>load<u32>(at);
      const a = records + <usize>load<u32>(index);
      const b = records + <usize>load<u32>(index, 4);
      const c = records + <usize>load<u32>(index, 8);
      if (crossesNear) clipTriangle(a, b, c, near);
      else fillTriangle(a, b, c);
    }
  }
}

function clear(depth: usize, colour: usize, pixels: usize, background: u32): void {
  memory.fill(depth, 0, pixels << 2);
  const four = i32x4.splat(background);
  const end = colour + (pixels << 2);
  for (let at = colour; at < end; at += 16) v128.store(at, four);
}

/** Tests the instance's bounding sphere against the sides of the view and the near plane. */
function locate(instance: usize, camera: usize, width: f32, height: f32): i32 {
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
