/**
 * Shadows of one directional light: a depth map seen from the light, and the darkening of pixels that lie behind it.
 * Every pixel carries the share of its colour that is owed to that light, so only that share is taken away.
 */
import {
  CORNER_BLOCKS,
  INSTANCE_BYTES,
  localComponent,
  POINT_BLOCK_BYTES,
  POINT_BLOCKS,
  POINTS,
  POSITION,
  RECORD_BYTES,
  SHADOW_DOWN,
  SHADOW_FORWARD,
  SHADOW_ORIGIN,
  SHADOW_RIGHT,
} from './layout.as';
import { colourBuffer, depthBuffer, height, setDepthOnly, setTarget, width } from './pixel.as';
import { coordinateAt, MAP_BYTES, mapCoordinate } from './rays.as';
import { selectVisible } from './select.as';
import { fillTriangle } from './triangle.as';

/** Coordinate maps from the screen to the shadow map: column, row, nearness to the light. */
const maps: usize = memory.data(16 * 3);

/** Column, row and nearness of four pixels, and what is owed to the light or left of them. */
const four: usize = memory.data(16 * 4);

/**
 * Draws the shadow map (size x size, float32): for each texel the nearness of the nearest surface, 1 at the light's
 * plane and falling along the light. The light's axes come scaled to texels, and to range for the forward one.
 */
export function castShadows(
  instances: usize,
  count: i32,
  light: usize,
  screen: usize,
  marks: usize,
  list: usize,
  map: usize,
  size: i32,
): void {
  memory.fill(map, 0, (<usize>(size * size)) << 2);
  setTarget(map, map, size, size);
  setDepthOnly();
  for (let i = 0; i < count; i++) {
    const instance = instances + <usize>i * INSTANCE_BYTES;
    projectParallel(instance, light, screen);
    const end = selectVisible(instance, screen, marks, list, <f32>size, <f32>size, 0, false);
    memory.fill(marks, 0, load<i32>(instance, CORNER_BLOCKS));
    for (let at = list; at < end; at += 4) {
      const index = <usize>load<u32>(at);
      const a = screen + <usize>load<u32>(index);
      const b = screen + <usize>load<u32>(index, 4);
      const c = screen + <usize>load<u32>(index, 8);
      fillTriangle(a, b, c, a, b, c); // no colours are wanted
    }
  }
}

/** Places the instance's vertices in the shadow map: column, row, nearness. */
function projectParallel(instance: usize, light: usize, screen: usize): void {
  const px = load<f32>(instance, POSITION) - load<f32>(light, SHADOW_ORIGIN);
  const py = load<f32>(instance, POSITION + 4) - load<f32>(light, SHADOW_ORIGIN + 4);
  const pz = load<f32>(instance, POSITION + 8) - load<f32>(light, SHADOW_ORIGIN + 8);
  let to = screen;
  let from = <usize>load<u32>(instance, POINTS);
  for (
    let block = load<i32>(instance, POINT_BLOCKS);
    block > 0;
    block--, from += POINT_BLOCK_BYTES, to += 4 * RECORD_BYTES
  ) {
    const column = parallel(instance, light + SHADOW_RIGHT, px, py, pz, from);
    const row = parallel(instance, light + SHADOW_DOWN, px, py, pz, from);
    const nearness = f32x4.sub(f32x4.splat(1), parallel(instance, light + SHADOW_FORWARD, px, py, pz, from));
    const low = v128.shuffle<f32>(column, row, 0, 4, 1, 5);
    const high = v128.shuffle<f32>(column, row, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f32>(low, nearness, 0, 1, 4, 4), 0);
    v128.store(to, v128.shuffle<f32>(low, nearness, 2, 3, 5, 5), 16);
    v128.store(to, v128.shuffle<f32>(high, nearness, 0, 1, 6, 6), 32);
    v128.store(to, v128.shuffle<f32>(high, nearness, 2, 3, 7, 7), 48);
  }
}

/** Coordinate of four vertices along a world axis, given the instance's place relative to the axis' origin. */
function parallel(instance: usize, axis: usize, px: f32, py: f32, pz: f32, from: usize): v128 {
  const x = load<f32>(axis);
  const y = load<f32>(axis, 4);
  const z = load<f32>(axis, 8);
  const cx = f32x4.splat(localComponent(instance, 0, x, y, z));
  const cy = f32x4.splat(localComponent(instance, 1, x, y, z));
  const cz = f32x4.splat(localComponent(instance, 2, x, y, z));
  const sum = f32x4.add(f32x4.mul(cy, v128.load(from, 16)), f32x4.mul(cz, v128.load(from, 32)));
  return f32x4.add(f32x4.splat(px * x + py * y + pz * z), f32x4.add(f32x4.mul(cx, v128.load(from)), sum));
}

/** Darkens the current target's pixels that lie further from the light than the map says, by more than `bias`. */
export function applyShadows(camera: usize, light: usize, map: usize, size: i32, bias: f32): void {
  for (let k: usize = 0; k < 3; k++) {
    const axis = light + SHADOW_RIGHT + k * 12;
    mapCoordinate(
      maps + k * MAP_BYTES,
      camera,
      load<f32>(light, SHADOW_ORIGIN),
      load<f32>(light, SHADOW_ORIGIN + 4),
      load<f32>(light, SHADOW_ORIGIN + 8),
      load<f32>(axis),
      load<f32>(axis, 4),
      load<f32>(axis, 8),
    );
  }
  for (let row = 0, rowOffset: usize = 0; row < height; row++, rowOffset += (<usize>width) << 2) {
    for (let column = 0; column < width; column += 4) {
      const offset = rowOffset + ((<usize>column) << 2);
      const pixels = v128.load(colourBuffer + offset);
      const lanes = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(width - column));
      const share = v128.and(i32x4.shr_u(pixels, 24), lanes);
      if (!v128.any_true(share)) continue;
      const depth = f32x4.div(f32x4.splat(1), v128.load(depthBuffer + offset));
      v128.store(four, coordinateAt(maps, column, row, depth));
      v128.store(four, coordinateAt(maps + MAP_BYTES, column, row, depth), 16);
      v128.store(four, coordinateAt(maps + 2 * MAP_BYTES, column, row, depth), 32);
      v128.store(four, share, 48);
      for (let lane: usize = 0; lane < 16; lane += 4) {
        const at = four + lane;
        const owed = load<i32>(at, 48);
        const nearness: f32 = 1 - load<f32>(at, 32) + bias;
        // What is left of the colour, in 1/256.
        const rest = owed
          ? 256 - <i32>(<f32>owed * covered(map, size, load<f32>(at), load<f32>(at, 16), nearness))
          : 256;
        store<i32>(at, rest | (rest << 16), 48);
      }
      const rests = v128.load(four, 48);
      const low = i16x8.mul(i16x8.extend_low_i8x16_u(pixels), v128.shuffle<i32>(rests, rests, 0, 0, 1, 1));
      const high = i16x8.mul(i16x8.extend_high_i8x16_u(pixels), v128.shuffle<i32>(rests, rests, 2, 2, 3, 3));
      const darkened = i8x16.narrow_i16x8_u(i16x8.shr_u(low, 8), i16x8.shr_u(high, 8));
      v128.store(colourBuffer + offset, v128.bitselect(darkened, pixels, lanes));
    }
  }
}

/** How much of a point is hidden from the light (0..1): the four texels around it, weighted by their distance. */
function covered(map: usize, size: i32, u: f32, v: f32, nearness: f32): f32 {
  const x: f32 = u - 0.5;
  const y: f32 = v - 0.5;
  const column = <i32>floor(x);
  const row = <i32>floor(y);
  if (column < 0 || row < 0 || column >= size - 1 || row >= size - 1) return 0;
  const at = map + ((<usize>(row * size + column)) << 2);
  const texels = v128.load64_lane(at + ((<usize>size) << 2), v128.load64_zero(at), 1);
  const hidden = f32x4.gt(texels, f32x4.splat(nearness));
  // Nearly everywhere the four agree.
  if (!v128.any_true(hidden)) return 0;
  if (i32x4.all_true(hidden)) return 1;
  const right: f32 = x - floor(x);
  const down: f32 = y - floor(y);
  const weights = f32x4.mul(f32x4(1 - right, right, 1 - right, right), f32x4(1 - down, 1 - down, down, down));
  const sum = v128.and(weights, hidden);
  return (
    f32x4.extract_lane(sum, 0) +
    f32x4.extract_lane(sum, 1) +
    f32x4.extract_lane(sum, 2) +
    f32x4.extract_lane(sum, 3)
  );
}
