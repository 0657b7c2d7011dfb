/**
 * One pass of AdamW and the moving average over flat vectors, four numbers at a time. `adamw.ts` lays out the
 * memory and says what the numbers mean. Addresses are 16-byte aligned, counts multiples of 16.
 */

/** First byte that the host may use. */
export const heapBase: usize = __heap_base;

/** Sum of squares of `count` floats, added up in double precision. */
export function squaredNorm(x: usize, count: i32): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  const end = x + ((<usize>count) << 2);
  for (; x < end; x += 16) {
    const value = v128.load(x);
    const first = f64x2.promote_low_f32x4(value);
    const second = f64x2.promote_low_f32x4(v128.shuffle<i32>(value, value, 2, 3, 2, 3));
    low = f64x2.add(low, f64x2.mul(first, first));
    high = f64x2.add(high, f64x2.mul(second, second));
  }
  const sum = f64x2.add(low, high);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

export function update(
  weights: usize,
  gradients: usize,
  first: usize,
  second: usize,
  average: usize,
  count: i32,
  clip: f32,
  keep: f32,
  stepSize: f32,
  rootFactor: f32,
  beta1: f32,
  rest1: f32,
  beta2: f32,
  rest2: f32,
  epsilon: f32,
  decay: f32,
  restDecay: f32,
): void {
  const bytes = (<usize>count) << 2;
  for (let i: usize = 0; i < bytes; i += 16) {
    const g = f32x4.mul(v128.load(gradients + i), f32x4.splat(clip));
    const m = f32x4.add(
      f32x4.mul(v128.load(first + i), f32x4.splat(beta1)),
      f32x4.mul(g, f32x4.splat(rest1)),
    );
    const v = f32x4.add(
      f32x4.mul(v128.load(second + i), f32x4.splat(beta2)),
      f32x4.mul(f32x4.mul(g, g), f32x4.splat(rest2)),
    );
    v128.store(first + i, m);
    v128.store(second + i, v);
    const root = f32x4.add(f32x4.mul(f32x4.sqrt(v), f32x4.splat(rootFactor)), f32x4.splat(epsilon));
    const moved = f32x4.div(f32x4.mul(m, f32x4.splat(stepSize)), root);
    const w = f32x4.sub(f32x4.mul(v128.load(weights + i), f32x4.splat(keep)), moved);
    v128.store(weights + i, w);
    const a = f32x4.mul(v128.load(average + i), f32x4.splat(decay));
    v128.store(average + i, f32x4.add(a, f32x4.mul(w, f32x4.splat(restDecay))));
  }
}
