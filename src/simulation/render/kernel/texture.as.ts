/** Texture look-ups, nearest texel: repeating planar textures and cube maps, both made of four-byte texels. */
import {
  localAxis,
  POSITION,
  TEXTURE,
  TEXTURE_HEIGHT,
  TEXTURE_KIND,
  TEXTURE_REPEAT,
  TEXTURE_SCALE,
  TEXTURE_WIDTH,
} from './layout.as';
import { coordinateAt, MAP_BYTES, mapCoordinate } from './rays.as';

/** Values of TEXTURE_KIND: a texture laid along z, on each face of a box, or a cube map around the middle. */
const NO_TEXTURE: i32 = 0;
const PLANAR: i32 = 1;
const BOX: i32 = 2;

let kind: i32 = NO_TEXTURE;
let texels: usize = 0;
let width: i32 = 0;
let height: i32 = 0;
let repeatS: f32 = 1;
let repeatT: f32 = 1;

/** Coordinate maps of the textured frame's three axes. */
const maps: usize = memory.data(16 * 3);

/** Whether the instance at hand has a texture. */
export function isTextured(): bool {
  return kind != NO_TEXTURE;
}

/** Makes the instance's texture the current one. Its coordinates are the geom's own, scaled. */
export function setTexture(instance: usize, camera: usize): void {
  kind = load<i32>(instance, TEXTURE_KIND);
  if (kind == NO_TEXTURE) return;
  texels = <usize>load<u32>(instance, TEXTURE);
  width = load<i32>(instance, TEXTURE_WIDTH);
  height = load<i32>(instance, TEXTURE_HEIGHT);
  repeatS = 0.5 * load<f32>(instance, TEXTURE_REPEAT);
  repeatT = 0.5 * load<f32>(instance, TEXTURE_REPEAT + 4);
  for (let k: usize = 0; k < 3; k++) {
    const scale = load<f32>(instance + (k << 2), TEXTURE_SCALE);
    mapCoordinate(
      maps + k * MAP_BYTES,
      camera,
      load<f32>(instance, POSITION),
      load<f32>(instance, POSITION + 4),
      load<f32>(instance, POSITION + 8),
      localAxis(instance, k, 0) * scale,
      localAxis(instance, k, 1) * scale,
      localAxis(instance, k, 2) * scale,
    );
  }
}

/** Multiplies four pixels, seen at these values of 1/depth, by the current texture. */
export function modulate(pixels: v128, column: i32, row: i32, inverseDepth: v128): v128 {
  const depth = f32x4.div(f32x4.splat(1), inverseDepth);
  const x = coordinateAt(maps, column, row, depth);
  const y = coordinateAt(maps + MAP_BYTES, column, row, depth);
  const z = coordinateAt(maps + 2 * MAP_BYTES, column, row, depth);
  const colours = i32x4(
    look(f32x4.extract_lane(x, 0), f32x4.extract_lane(y, 0), f32x4.extract_lane(z, 0)),
    0,
    0,
    0,
  );
  const second = look(f32x4.extract_lane(x, 1), f32x4.extract_lane(y, 1), f32x4.extract_lane(z, 1));
  const third = look(f32x4.extract_lane(x, 2), f32x4.extract_lane(y, 2), f32x4.extract_lane(z, 2));
  const fourth = look(f32x4.extract_lane(x, 3), f32x4.extract_lane(y, 3), f32x4.extract_lane(z, 3));
  const texture = i32x4.replace_lane(
    i32x4.replace_lane(i32x4.replace_lane(colours, 1, second), 2, third),
    3,
    fourth,
  );
  return i8x16.narrow_i16x8_u(
    product(i16x8.extend_low_i8x16_u(pixels), i16x8.extend_low_i8x16_u(texture)),
    product(i16x8.extend_high_i8x16_u(pixels), i16x8.extend_high_i8x16_u(texture)),
  );
}

/** a * b / 255 to the nearest, for bytes in 16-bit lanes. */
function product(a: v128, b: v128): v128 {
  const sum = i16x8.add(i16x8.mul(a, b), i16x8.splat(128));
  return i16x8.shr_u(i16x8.add(sum, i16x8.shr_u(sum, 8)), 8);
}

function look(x: f32, y: f32, z: f32): i32 {
  if (kind == PLANAR) return lookPlane(x, y);
  if (kind != BOX) return lookCube(texels, width, x, y, z);
  if (abs(x) >= abs(y) && abs(x) >= abs(z)) return lookPlane(y, z);
  return abs(y) >= abs(z) ? lookPlane(x, z) : lookPlane(x, y);
}

/** A repeating texture whose middle lies at (0, 0), and which turns y upwards. */
function lookPlane(x: f32, y: f32): i32 {
  const s = x * repeatS - 0.5;
  const t = -y * repeatT - 0.5;
  const column = min(width - 1, <i32>((s - floor(s)) * <f32>width));
  const row = min(height - 1, <i32>((t - floor(t)) * <f32>height));
  return load<i32>(texels + ((<usize>(row * width + column)) << 2));
}

/** A cube map of six squares, one below the other: +x -x +y -y +z -z, oriented as OpenGL has them. */
export function lookCube(faces: usize, size: i32, x: f32, y: f32, z: f32): i32 {
  const ax = abs(x);
  const ay = abs(y);
  const az = abs(z);
  let face: i32;
  let s: f32;
  let t = -y;
  let major = ax;
  if (ax >= ay && ax >= az) {
    face = x > 0 ? 0 : 1;
    s = x > 0 ? -z : z;
  } else if (ay >= az) {
    face = y > 0 ? 2 : 3;
    s = x;
    t = y > 0 ? z : -z;
    major = ay;
  } else {
    face = z > 0 ? 4 : 5;
    s = z > 0 ? x : -x;
    major = az;
  }
  const scale: f32 = (0.5 * <f32>size) / major;
  const middle: f32 = 0.5 * <f32>size;
  const column = max(0, min(size - 1, <i32>(s * scale + middle)));
  const row = max(0, min(size - 1, <i32>(t * scale + middle)));
  return load<i32>(faces + ((<usize>((face * size + row) * size + column)) << 2));
}
