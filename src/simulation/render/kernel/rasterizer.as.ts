/**
 * The drawing kernel: instances, lights and a camera in, RGB pixels out. One call draws one image.
 * All memory beyond `heapBase` is laid out by the host (`scene.ts`).
 */
import { clipTriangle } from './clip.as';
import {
  BACK,
  CENTRE,
  CENTRE_X,
  CENTRE_Y,
  EYE,
  INDICES,
  INSTANCE_BYTES,
  NEAR,
  POSITION,
  RADIUS,
  RIGHT,
  ROTATION,
  SCALE_X,
  SCALE_Y,
  TRIANGLES,
  UP,
} from './layout.as';
import { fillTriangle, setTarget } from './triangle.as';
import { transformVertices } from './vertex.as';

/** First byte that the host may use. */
export const heapBase: usize = __heap_base;

/** What a bounding sphere's position means for drawing. */
const OUTSIDE: i32 = 0;
const INSIDE: i32 = 1;
const CROSSES_NEAR: i32 = 2;

/** Draws `count` instances into cleared buffers of `width` x `height` pixels. */
export function draw(
  instances: usize,
  count: i32,
  camera: usize,
  lights: usize,
  lightCount: i32,
  records: usize,
  depth: usize,
  colour: usize,
  width: i32,
  height: i32,
  background: u32,
): void {
  const pixels = <usize>(width * height);
  memory.fill(depth, 0, pixels << 2);
  for (let i: usize = 0; i < pixels; i++) store<u32>(colour + (i << 2), background);
  setTarget(depth, colour, width, height);
  for (let i = 0; i < count; i++) {
    const instance = instances + <usize>i * INSTANCE_BYTES;
    const place = locate(instance, camera, <f32>width, <f32>height);
    if (place == OUTSIDE) continue;
    transformVertices(instance, camera, lights, lightCount, records, place == INSIDE);
    let index = <usize>load<u32>(instance, INDICES);
    const end = index + 12 * <usize>load<u32>(instance, TRIANGLES);
    if (place == INSIDE) {
      for (; index < end; index += 12) {
        fillTriangle(
          records + <usize>load<u32>(index),
          records + <usize>load<u32>(index, 4),
          records + <usize>load<u32>(index, 8),
        );
      }
    } else {
      const near = load<f32>(camera, NEAR);
      for (; index < end; index += 12) {
        clipTriangle(
          records + <usize>load<u32>(index),
          records + <usize>load<u32>(index, 4),
          records + <usize>load<u32>(index, 8),
          near,
        );
      }
    }
  }
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

/** Packs four-byte pixels into RGB. Reads up to 16 bytes beyond the last pixel, writes up to 4 beyond. */
export function packRgb(colour: usize, rgb: usize, pixels: i32): void {
  const last = colour + ((<usize>pixels) << 2);
  for (let from = colour, to = rgb; from < last; from += 16, to += 12) {
    v128.store(
      to,
      v128.shuffle<u8>(v128.load(from), v128.load(from), 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0, 0, 0, 0),
    );
  }
}

/** Packs blocks of 2 x 2 four-byte pixels, averaged, into `width` x `height` RGB. */
export function packHalved(colour: usize, rgb: usize, width: i32, height: i32): void {
  const stride = (<usize>width) << 3;
  let to = rgb;
  for (let row = 0; row < height; row++) {
    let from = colour + <usize>(2 * row) * stride;
    for (let column = 0; column < width; column++, from += 8, to += 3) {
      const upper = i16x8.extend_low_i8x16_u(v128.load64_zero(from));
      const lower = i16x8.extend_low_i8x16_u(v128.load64_zero(from + stride));
      const sum = i16x8.add(upper, lower);
      const total = i16x8.add(sum, v128.shuffle<i64>(sum, sum, 1, 0));
      const mean = i16x8.shr_u(i16x8.add(total, i16x8.splat(2)), 2);
      store<u32>(to, i32x4.extract_lane(i8x16.narrow_i16x8_u(mean, mean), 0));
    }
  }
}
