/** Projects the points of one instance onto the screen, four at a time. */
import {
  BACK,
  CENTRE_X,
  CENTRE_Y,
  EYE,
  localComponent,
  NEAR,
  POINT_BLOCK_BYTES,
  POINT_BLOCKS,
  POINTS,
  POSITION,
  RECORD_BYTES,
  RIGHT,
  SCALE_X,
  SCALE_Y,
  UP,
} from './layout.as';

/**
 * Writes x, y [px], 1/depth [1/m] and depth [m] of the instance's points to `screen`. Where the instance reaches
 * through the near plane, points before it are left homogeneous (x * depth, y * depth) for clipping.
 */
export function projectPoints(instance: usize, camera: usize, screen: usize, crossesNear: bool): void {
  // Rows that take a local point to x * depth, y * depth and depth.
  const px = load<f32>(instance, POSITION) - load<f32>(camera, EYE);
  const py = load<f32>(instance, POSITION + 4) - load<f32>(camera, EYE + 4);
  const pz = load<f32>(instance, POSITION + 8) - load<f32>(camera, EYE + 8);
  const scaleX = load<f32>(camera, SCALE_X);
  const scaleY = -load<f32>(camera, SCALE_Y); // rows count downwards
  const centreX = load<f32>(camera, CENTRE_X);
  const centreY = load<f32>(camera, CENTRE_Y);
  const backX = load<f32>(camera, BACK);
  const backY = load<f32>(camera, BACK + 4);
  const backZ = load<f32>(camera, BACK + 8);
  const rowXx = scaleX * load<f32>(camera, RIGHT) - centreX * backX;
  const rowXy = scaleX * load<f32>(camera, RIGHT + 4) - centreX * backY;
  const rowXz = scaleX * load<f32>(camera, RIGHT + 8) - centreX * backZ;
  const rowYx = scaleY * load<f32>(camera, UP) - centreY * backX;
  const rowYy = scaleY * load<f32>(camera, UP + 4) - centreY * backY;
  const rowYz = scaleY * load<f32>(camera, UP + 8) - centreY * backZ;
  const xx = f32x4.splat(localComponent(instance, 0, rowXx, rowXy, rowXz));
  const xy = f32x4.splat(localComponent(instance, 1, rowXx, rowXy, rowXz));
  const xz = f32x4.splat(localComponent(instance, 2, rowXx, rowXy, rowXz));
  const xt = f32x4.splat(px * rowXx + py * rowXy + pz * rowXz);
  const yx = f32x4.splat(localComponent(instance, 0, rowYx, rowYy, rowYz));
  const yy = f32x4.splat(localComponent(instance, 1, rowYx, rowYy, rowYz));
  const yz = f32x4.splat(localComponent(instance, 2, rowYx, rowYy, rowYz));
  const yt = f32x4.splat(px * rowYx + py * rowYy + pz * rowYz);
  const wx = f32x4.splat(-localComponent(instance, 0, backX, backY, backZ));
  const wy = f32x4.splat(-localComponent(instance, 1, backX, backY, backZ));
  const wz = f32x4.splat(-localComponent(instance, 2, backX, backY, backZ));
  const wt = f32x4.splat(-(px * backX + py * backY + pz * backZ));
  const one = f32x4.splat(1);
  const near = f32x4.splat(load<f32>(camera, NEAR));

  let from = <usize>load<u32>(instance, POINTS);
  let to = screen;
  for (
    let block = load<i32>(instance, POINT_BLOCKS);
    block > 0;
    block--, from += POINT_BLOCK_BYTES, to += 4 * RECORD_BYTES
  ) {
    const x = v128.load(from, 0);
    const y = v128.load(from, 16);
    const z = v128.load(from, 32);
    let sx = f32x4.add(xt, f32x4.add(f32x4.mul(xx, x), f32x4.add(f32x4.mul(xy, y), f32x4.mul(xz, z))));
    let sy = f32x4.add(yt, f32x4.add(f32x4.mul(yx, x), f32x4.add(f32x4.mul(yy, y), f32x4.mul(yz, z))));
    const w = f32x4.add(wt, f32x4.add(f32x4.mul(wx, x), f32x4.add(f32x4.mul(wy, y), f32x4.mul(wz, z))));
    let inverse = f32x4.div(one, w);
    if (crossesNear) inverse = v128.bitselect(inverse, one, f32x4.ge(w, near));
    sx = f32x4.mul(sx, inverse);
    sy = f32x4.mul(sy, inverse);
    const xyLow = v128.shuffle<f32>(sx, sy, 0, 4, 1, 5);
    const xyHigh = v128.shuffle<f32>(sx, sy, 2, 6, 3, 7);
    const wLow = v128.shuffle<f32>(inverse, w, 0, 4, 1, 5);
    const wHigh = v128.shuffle<f32>(inverse, w, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f32>(xyLow, wLow, 0, 1, 4, 5), 0);
    v128.store(to, v128.shuffle<f32>(xyLow, wLow, 2, 3, 6, 7), 16);
    v128.store(to, v128.shuffle<f32>(xyHigh, wHigh, 0, 1, 4, 5), 32);
    v128.store(to, v128.shuffle<f32>(xyHigh, wHigh, 2, 3, 6, 7), 48);
  }
}
