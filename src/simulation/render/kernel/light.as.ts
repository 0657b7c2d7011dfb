/**
 * Lights the marked corners of one instance, four at a time.
 *
 * The lighting is that of MuJoCo's own renderer (fixed-function OpenGL): per corner, local viewer, Blinn highlights,
 * colours clamped before they are interpolated. Lights and eye are brought into the geom's frame, so normals are used
 * as they are stored.
 */
import {
  AMBIENT,
  ATTENUATION,
  BLUE,
  CASTS,
  CORNER_BLOCK_BYTES,
  CORNER_BLOCKS,
  CORNERS,
  COS_CUTOFF,
  DIFFUSE,
  DIRECTION,
  EMISSION,
  EXPONENT,
  EYE,
  FAINTEST,
  GREEN,
  HALF_SHININESS,
  KIND,
  LIGHT_BYTES,
  LIGHT_POSITION,
  LIGHT_SPECULAR,
  localComponent,
  POSITION,
  RECORD_BYTES,
  RED,
  SPECULAR,
} from './layout.as';

/** Directions (3 floats), positions (3 floats) of the lights in the frame of the geom at hand. */
const localLights: usize = memory.data(32 * 24);

/** x^n for a small positive integer n, four at a time. */
function power(x: v128, n: i32): v128 {
  let result = f32x4.splat(1);
  let factor = x;
  for (let rest = n; rest > 0; rest >>= 1) {
    if (rest & 1) result = f32x4.mul(result, factor);
    factor = f32x4.mul(factor, factor);
  }
  return result;
}

/** Brings the lights into the instance's frame. */
function placeLights(instance: usize, lights: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    const light = lights + <usize>i * LIGHT_BYTES;
    const to = localLights + <usize>i * 24;
    const dx = -load<f32>(light, DIRECTION);
    const dy = -load<f32>(light, DIRECTION + 4);
    const dz = -load<f32>(light, DIRECTION + 8);
    const lx = load<f32>(light, LIGHT_POSITION) - load<f32>(instance, POSITION);
    const ly = load<f32>(light, LIGHT_POSITION + 4) - load<f32>(instance, POSITION + 4);
    const lz = load<f32>(light, LIGHT_POSITION + 8) - load<f32>(instance, POSITION + 8);
    for (let column: usize = 0; column < 3; column++) {
      store<f32>(to + (column << 2), localComponent(instance, column, dx, dy, dz));
      store<f32>(to + (column << 2), localComponent(instance, column, lx, ly, lz), 12);
    }
  }
}

/** Writes the colours of marked corners to `colours` and clears the marks. */
export function lightCorners(
  instance: usize,
  camera: usize,
  lights: usize,
  lightCount: i32,
  colours: usize,
  marks: usize,
): void {
  placeLights(instance, lights, lightCount);
  const px = load<f32>(instance, POSITION) - load<f32>(camera, EYE);
  const py = load<f32>(instance, POSITION + 4) - load<f32>(camera, EYE + 4);
  const pz = load<f32>(instance, POSITION + 8) - load<f32>(camera, EYE + 8);
  const eyeX = f32x4.splat(-localComponent(instance, 0, px, py, pz));
  const eyeY = f32x4.splat(-localComponent(instance, 1, px, py, pz));
  const eyeZ = f32x4.splat(-localComponent(instance, 2, px, py, pz));
  const red = f32x4.splat(load<f32>(instance, RED));
  const green = f32x4.splat(load<f32>(instance, GREEN));
  const blue = f32x4.splat(load<f32>(instance, BLUE));
  const emission = load<f32>(instance, EMISSION);
  const ambientR = f32x4.splat(emission + load<f32>(camera, AMBIENT));
  const ambientG = f32x4.splat(emission + load<f32>(camera, AMBIENT + 4));
  const ambientB = f32x4.splat(emission + load<f32>(camera, AMBIENT + 8));
  const materialSpecular = f32x4.splat(load<f32>(instance, SPECULAR) * 255);
  const faintest = f32x4.splat(load<f32>(instance, FAINTEST));
  const halfShininess = load<i32>(instance, HALF_SHININESS);
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  const full = f32x4.splat(255);

  const count = load<i32>(instance, CORNER_BLOCKS);
  const first = <usize>load<u32>(instance, CORNERS);
  for (let block = 0; block < count; block++) {
    if (!load<u8>(marks + <usize>block)) continue;
    store<u8>(marks + <usize>block, 0);
    const corners = first + <usize>block * CORNER_BLOCK_BYTES;
    const to = colours + <usize>block * (4 * RECORD_BYTES);
    const x = v128.load(corners, 0);
    const y = v128.load(corners, 16);
    const z = v128.load(corners, 32);
    const nx = v128.load(corners, 48);
    const ny = v128.load(corners, 64);
    const nz = v128.load(corners, 80);

    // Towards the viewer.
    let vx = f32x4.sub(eyeX, x);
    let vy = f32x4.sub(eyeY, y);
    let vz = f32x4.sub(eyeZ, z);
    const distance = f32x4.sqrt(dot(vx, vy, vz, vx, vy, vz));
    const inverse = f32x4.div(one, distance);
    vx = f32x4.mul(vx, inverse);
    vy = f32x4.mul(vy, inverse);
    vz = f32x4.mul(vz, inverse);
    const nv = dot(nx, ny, nz, vx, vy, vz);

    let diffuseR = ambientR;
    let diffuseG = ambientG;
    let diffuseB = ambientB;
    let specularR = zero;
    let specularG = zero;
    let specularB = zero;
    let caster = zero;
    for (let i = 0; i < lightCount; i++) {
      const light = lights + <usize>i * LIGHT_BYTES;
      const at = localLights + <usize>i * 24;
      let lx = v128.load32_splat(at, 0);
      let ly = v128.load32_splat(at, 4);
      let lz = v128.load32_splat(at, 8);
      let strength = one;
      if (load<i32>(light, KIND)) {
        // Spot light: attenuated by distance and by the angle from its axis.
        const sx = f32x4.sub(v128.load32_splat(at, 12), x);
        const sy = f32x4.sub(v128.load32_splat(at, 16), y);
        const sz = f32x4.sub(v128.load32_splat(at, 20), z);
        const d = f32x4.sqrt(dot(sx, sy, sz, sx, sy, sz));
        const id = f32x4.div(one, d);
        const ux = f32x4.mul(sx, id);
        const uy = f32x4.mul(sy, id);
        const uz = f32x4.mul(sz, id);
        const cosine = dot(ux, uy, uz, lx, ly, lz);
        lx = ux;
        ly = uy;
        lz = uz;
        const falloff = f32x4.add(
          v128.load32_splat(light, ATTENUATION),
          f32x4.mul(
            d,
            f32x4.add(
              v128.load32_splat(light, ATTENUATION + 4),
              f32x4.mul(d, v128.load32_splat(light, ATTENUATION + 8)),
            ),
          ),
        );
        strength = f32x4.div(power(f32x4.pmax(cosine, zero), load<i32>(light, EXPONENT)), falloff);
        strength = v128.and(strength, f32x4.ge(cosine, v128.load32_splat(light, COS_CUTOFF)));
      }
      const nl = dot(nx, ny, nz, lx, ly, lz);
      const lit = f32x4.gt(nl, zero);
      if (!v128.any_true(lit)) continue;
      const d = f32x4.mul(strength, f32x4.pmax(nl, zero));
      const addR = f32x4.mul(d, v128.load32_splat(light, DIFFUSE));
      diffuseR = f32x4.add(diffuseR, addR);
      diffuseG = f32x4.add(diffuseG, f32x4.mul(d, v128.load32_splat(light, DIFFUSE + 4)));
      diffuseB = f32x4.add(diffuseB, f32x4.mul(d, v128.load32_splat(light, DIFFUSE + 8)));
      // Grazing light, where a shadow map is at its worst, is not taken away in full.
      if (load<i32>(light, CASTS)) caster = f32x4.mul(addR, f32x4.pmin(one, f32x4.mul(nl, f32x4.splat(2))));
      // (N.H)^2 with H = (L+V)/|L+V| needs no square root: ((N.L+N.V)^2) / (2+2 L.V).
      const sum = f32x4.add(nl, nv);
      const aligned = f32x4.div(
        f32x4.mul(sum, sum),
        f32x4.add(f32x4.splat(2.000001), f32x4.mul(f32x4.splat(2), dot(lx, ly, lz, vx, vy, vz))),
      );
      const glossy = v128.and(v128.and(lit, f32x4.gt(sum, zero)), f32x4.gt(aligned, faintest));
      if (!v128.any_true(glossy)) continue;
      const highlight = f32x4.mul(power(aligned, halfShininess), materialSpecular);
      const s = v128.and(f32x4.mul(strength, highlight), glossy);
      specularR = f32x4.add(specularR, f32x4.mul(s, v128.load32_splat(light, LIGHT_SPECULAR)));
      specularG = f32x4.add(specularG, f32x4.mul(s, v128.load32_splat(light, LIGHT_SPECULAR + 4)));
      specularB = f32x4.add(specularB, f32x4.mul(s, v128.load32_splat(light, LIGHT_SPECULAR + 8)));
    }
    const r = f32x4.pmin(full, f32x4.add(f32x4.mul(red, diffuseR), specularR));
    const g = f32x4.pmin(full, f32x4.add(f32x4.mul(green, diffuseG), specularG));
    const b = f32x4.pmin(full, f32x4.add(f32x4.mul(blue, diffuseB), specularB));
    const share = f32x4.mul(full, f32x4.div(caster, f32x4.add(diffuseR, f32x4.splat(0.000001))));

    const rgLow = v128.shuffle<f32>(r, g, 0, 4, 1, 5);
    const rgHigh = v128.shuffle<f32>(r, g, 2, 6, 3, 7);
    const bsLow = v128.shuffle<f32>(b, share, 0, 4, 1, 5);
    const bsHigh = v128.shuffle<f32>(b, share, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f32>(rgLow, bsLow, 0, 1, 4, 5), 0);
    v128.store(to, v128.shuffle<f32>(rgLow, bsLow, 2, 3, 6, 7), 16);
    v128.store(to, v128.shuffle<f32>(rgHigh, bsHigh, 0, 1, 4, 5), 32);
    v128.store(to, v128.shuffle<f32>(rgHigh, bsHigh, 2, 3, 6, 7), 48);
  }
}

function dot(ax: v128, ay: v128, az: v128, bx: v128, by: v128, bz: v128): v128 {
  return f32x4.add(f32x4.mul(ax, bx), f32x4.add(f32x4.mul(ay, by), f32x4.mul(az, bz)));
}
