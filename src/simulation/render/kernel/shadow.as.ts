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

/** Four points seen: place of their texel in the map, their nearness to the light, what hides them. */
const four: usize = memory.data(16 * 3);

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
  const toPlace = f32x4.splat(-0.5);
  const last = f32x4.splat(<f32>(size - 2));
  const zero = f32x4.splat(0);
  for (let row = 0, rowOffset: usize = 0; row < height; row++, rowOffset += (<usize>width) << 2) {
    for (let column = 0; column < width; column += 4) {
      const offset = rowOffset + ((<usize>column) << 2);
      const pixels = v128.load(colourBuffer + offset);
      const lanes = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(width - column));
      let share = v128.and(i32x4.shr_u(pixels, 24), lanes);
      if (!v128.any_true(share)) continue;
      const depth = f32x4.div(f32x4.splat(1), v128.load(depthBuffer + offset));
      const x = f32x4.add(coordinateAt(maps, column, row, depth), toPlace);
      const y = f32x4.add(coordinateAt(maps + MAP_BYTES, column, row, depth), toPlace);
      const left = f32x4.pmin(last, f32x4.pmax(zero, f32x4.floor(x)));
      const top = f32x4.pmin(last, f32x4.pmax(zero, f32x4.floor(y)));
      const right = f32x4.sub(x, left);
      const down = f32x4.sub(y, top);
      // Beyond the map, where these are not within 0..1, everything is lit.
      const least = f32x4.pmin(right, down);
      const most = f32x4.pmax(right, down);
      share = v128.and(share, v128.and(f32x4.ge(least, zero), f32x4.lt(most, f32x4.splat(1))));
      const index = i32x4.add(
        i32x4.mul(i32x4.trunc_sat_f32x4_s(top), i32x4.splat(size)),
        i32x4.trunc_sat_f32x4_s(left),
      );
      v128.store(four, i32x4.shl(index, 2));
      v128.store(
        four,
        f32x4.sub(f32x4.splat(1 + bias), coordinateAt(maps + 2 * MAP_BYTES, column, row, depth)),
        16,
      );
      const hidden = findHidden(map, size);
      share = v128.and(share, i32x4.ne(hidden, zero));
      if (!v128.any_true(share)) continue;
      const cover = coverOf(hidden, right, down);
      // What is left of the colour, in 1/256, for the four bytes of each pixel.
      const taken = i32x4.trunc_sat_f32x4_s(f32x4.mul(f32x4.convert_i32x4_s(share), cover));
      const rest = i32x4.mul(i32x4.sub(i32x4.splat(256), taken), i32x4.splat(0x10001));
      const low = i16x8.mul(i16x8.extend_low_i8x16_u(pixels), v128.shuffle<i32>(rest, rest, 0, 0, 1, 1));
      const high = i16x8.mul(i16x8.extend_high_i8x16_u(pixels), v128.shuffle<i32>(rest, rest, 2, 2, 3, 3));
      const darkened = i8x16.narrow_i16x8_u(i16x8.shr_u(low, 8), i16x8.shr_u(high, 8));
      v128.store(colourBuffer + offset, v128.bitselect(darkened, pixels, lanes));
    }
  }
}

/** For each of the `four` points, which of the four texels around it hide it from the light: bits 0 to 3. */
function findHidden(map: usize, size: i32): v128 {
  for (let lane: usize = 0; lane < 16; lane += 4) {
    const at = map + <usize>load<u32>(four + lane);
    const texels = v128.load64_lane(at + ((<usize>size) << 2), v128.load64_zero(at), 1);
    const hides = f32x4.gt(texels, v128.load32_splat(four + lane, 16));
    store<i32>(four + lane, i32x4.bitmask(hides), 32);
  }
  return v128.load(four, 32);
}

/** How much of each point is hidden (0..1): the texels that hide it, weighted by their distance. */
function coverOf(hidden: v128, right: v128, down: v128): v128 {
  const one = f32x4.splat(1);
  const left = f32x4.sub(one, right);
  const up = f32x4.sub(one, down);
  const upper = f32x4.add(v128.and(left, bit(hidden, 1)), v128.and(right, bit(hidden, 2)));
  const lower = f32x4.add(v128.and(left, bit(hidden, 4)), v128.and(right, bit(hidden, 8)));
  return f32x4.add(f32x4.mul(upper, up), f32x4.mul(lower, down));
}

function bit(bits: v128, mask: i32): v128 {
  return i32x4.eq(v128.and(bits, i32x4.splat(mask)), i32x4.splat(mask));
}
