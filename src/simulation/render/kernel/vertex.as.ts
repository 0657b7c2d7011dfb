/**
 * Lights and projects the vertices of one instance, four at a time.
 *
 * The lighting is that of MuJoCo's own renderer (fixed-function OpenGL): per vertex, local viewer, Blinn highlights,
 * colours clamped before they are interpolated. Lights and eye are brought into the geom's frame, so normals are used
 * as they are stored.
 */
import {
  AMBIENT,
  ATTENUATION,
  BACK,
  BLOCKS,
  BLUE,
  CASTS,
  CENTRE_X,
  CENTRE_Y,
  COS_CUTOFF,
  DIFFUSE,
  DIRECTION,
  EMISSION,
  EXPONENT,
  EYE,
  GREEN,
  HALF_SHININESS,
  KIND,
  LIGHT_BYTES,
  LIGHT_POSITION,
  LIGHT_SPECULAR,
  POSITION,
  RED,
  RIGHT,
  ROTATION,
  SCALE_X,
  SCALE_Y,
  SPECULAR,
  UP,
  VERTICES,
} from './layout.as';
import { RECORD } from './triangle.as';

/** Bytes of four vertices as stored: x4 y4 z4 nx4 ny4 nz4. */
const BLOCK: usize = 96;

/** Directions (3 floats), positions (3 floats) of the lights in the frame of the geom at hand. */
const localLights: usize = memory.data(32 * 24);

/** Dot product of `column` of the instance's rotation with the world vector at `vector`: its local component. */
function local(instance: usize, column: usize, x: f32, y: f32, z: f32): f32 {
  const m = instance + ROTATION + (column << 2);
  return x * load<f32>(m) + y * load<f32>(m, 12) + z * load<f32>(m, 24);
}

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

/** Writes four vertex records from four vectors of x, y, 1/depth and colours. */
function storeRecords(
  to: usize,
  x: v128,
  y: v128,
  w: v128,
  z: v128,
  r: v128,
  g: v128,
  b: v128,
  s: v128,
): void {
  const xy0 = v128.shuffle<f32>(x, y, 0, 4, 1, 5);
  const xy1 = v128.shuffle<f32>(x, y, 2, 6, 3, 7);
  const wz0 = v128.shuffle<f32>(w, z, 0, 4, 1, 5);
  const wz1 = v128.shuffle<f32>(w, z, 2, 6, 3, 7);
  const rg0 = v128.shuffle<f32>(r, g, 0, 4, 1, 5);
  const rg1 = v128.shuffle<f32>(r, g, 2, 6, 3, 7);
  const bs0 = v128.shuffle<f32>(b, s, 0, 4, 1, 5);
  const bs1 = v128.shuffle<f32>(b, s, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(xy0, wz0, 0, 1, 4, 5), 0);
  v128.store(to, v128.shuffle<f32>(rg0, bs0, 0, 1, 4, 5), 16);
  v128.store(to, v128.shuffle<f32>(xy0, wz0, 2, 3, 6, 7), 32);
  v128.store(to, v128.shuffle<f32>(rg0, bs0, 2, 3, 6, 7), 48);
  v128.store(to, v128.shuffle<f32>(xy1, wz1, 0, 1, 4, 5), 64);
  v128.store(to, v128.shuffle<f32>(rg1, bs1, 0, 1, 4, 5), 80);
  v128.store(to, v128.shuffle<f32>(xy1, wz1, 2, 3, 6, 7), 96);
  v128.store(to, v128.shuffle<f32>(rg1, bs1, 2, 3, 6, 7), 112);
}

/**
 * Fills `records` with the instance's vertices. With `divide` they are screen positions and 1/depth; without, they
 * are left homogeneous (x * depth, y * depth, depth) for clipping against the near plane.
 */
export function transformVertices(
  instance: usize,
  camera: usize,
  lights: usize,
  lightCount: i32,
  records: usize,
  divide: bool,
): void {
  // Rows that take a local point to x * depth, y * depth and depth.
  const px = load<f32>(instance, POSITION) - load<f32>(camera, EYE);
  const py = load<f32>(instance, POSITION + 4) - load<f32>(camera, EYE + 4);
  const pz = load<f32>(instance, POSITION + 8) - load<f32>(camera, EYE + 8);
  const scaleX = load<f32>(camera, SCALE_X);
  const scaleY = -load<f32>(camera, SCALE_Y);
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
  const xx = f32x4.splat(local(instance, 0, rowXx, rowXy, rowXz));
  const xy = f32x4.splat(local(instance, 1, rowXx, rowXy, rowXz));
  const xz = f32x4.splat(local(instance, 2, rowXx, rowXy, rowXz));
  const xt = f32x4.splat(px * rowXx + py * rowXy + pz * rowXz);
  const yx = f32x4.splat(local(instance, 0, rowYx, rowYy, rowYz));
  const yy = f32x4.splat(local(instance, 1, rowYx, rowYy, rowYz));
  const yz = f32x4.splat(local(instance, 2, rowYx, rowYy, rowYz));
  const yt = f32x4.splat(px * rowYx + py * rowYy + pz * rowYz);
  const wx = f32x4.splat(-local(instance, 0, backX, backY, backZ));
  const wy = f32x4.splat(-local(instance, 1, backX, backY, backZ));
  const wz = f32x4.splat(-local(instance, 2, backX, backY, backZ));
  const wt = f32x4.splat(-(px * backX + py * backY + pz * backZ));

  // Eye and lights in the geom's frame.
  const eyeX = f32x4.splat(-local(instance, 0, px, py, pz));
  const eyeY = f32x4.splat(-local(instance, 1, px, py, pz));
  const eyeZ = f32x4.splat(-local(instance, 2, px, py, pz));
  for (let i = 0; i < lightCount; i++) {
    const light = lights + <usize>i * LIGHT_BYTES;
    const to = localLights + <usize>i * 24;
    const dx = -load<f32>(light, DIRECTION);
    const dy = -load<f32>(light, DIRECTION + 4);
    const dz = -load<f32>(light, DIRECTION + 8);
    const lx = load<f32>(light, LIGHT_POSITION) - load<f32>(instance, POSITION);
    const ly = load<f32>(light, LIGHT_POSITION + 4) - load<f32>(instance, POSITION + 4);
    const lz = load<f32>(light, LIGHT_POSITION + 8) - load<f32>(instance, POSITION + 8);
    for (let column: usize = 0; column < 3; column++) {
      store<f32>(to + (column << 2), local(instance, column, dx, dy, dz));
      store<f32>(to + (column << 2), local(instance, column, lx, ly, lz), 12);
    }
  }

  const red = f32x4.splat(load<f32>(instance, RED));
  const green = f32x4.splat(load<f32>(instance, GREEN));
  const blue = f32x4.splat(load<f32>(instance, BLUE));
  const emission = f32x4.splat(load<f32>(instance, EMISSION));
  const materialSpecular = load<f32>(instance, SPECULAR) * 255;
  const halfShininess = load<i32>(instance, HALF_SHININESS);
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  const full = f32x4.splat(255);

  let vertices = <usize>load<u32>(instance, VERTICES);
  let to = records;
  for (let block = load<i32>(instance, BLOCKS); block > 0; block--, vertices += BLOCK, to += 4 * RECORD) {
    const x = v128.load(vertices, 0);
    const y = v128.load(vertices, 16);
    const z = v128.load(vertices, 32);
    const nx = v128.load(vertices, 48);
    const ny = v128.load(vertices, 64);
    const nz = v128.load(vertices, 80);

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

    let diffuseR = emission;
    let diffuseG = emission;
    let diffuseB = emission;
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
        strength = f32x4.div(power(f32x4.max(cosine, zero), load<i32>(light, EXPONENT)), falloff);
        strength = v128.and(strength, f32x4.ge(cosine, v128.load32_splat(light, COS_CUTOFF)));
      }
      const nl = dot(nx, ny, nz, lx, ly, lz);
      const lit = f32x4.gt(nl, zero);
      const d = f32x4.mul(strength, f32x4.max(nl, zero));
      const addR = f32x4.mul(d, v128.load32_splat(light, DIFFUSE));
      diffuseR = f32x4.add(diffuseR, f32x4.add(addR, f32x4.mul(strength, v128.load32_splat(light, AMBIENT))));
      diffuseG = f32x4.add(
        diffuseG,
        f32x4.add(
          f32x4.mul(d, v128.load32_splat(light, DIFFUSE + 4)),
          f32x4.mul(strength, v128.load32_splat(light, AMBIENT + 4)),
        ),
      );
      diffuseB = f32x4.add(
        diffuseB,
        f32x4.add(
          f32x4.mul(d, v128.load32_splat(light, DIFFUSE + 8)),
          f32x4.mul(strength, v128.load32_splat(light, AMBIENT + 8)),
        ),
      );
      if (load<i32>(light, CASTS)) caster = f32x4.add(caster, addR);
      if (materialSpecular > 0) {
        // (N.H)^2 with H = (L+V)/|L+V| needs no square root: ((N.L+N.V)^2) / (2+2 L.V).
        const sum = f32x4.add(nl, nv);
        const denominator = f32x4.add(
          f32x4.splat(2.000001),
          f32x4.mul(f32x4.splat(2), dot(lx, ly, lz, vx, vy, vz)),
        );
        const facing = v128.and(lit, f32x4.gt(sum, zero));
        const highlight = power(f32x4.div(f32x4.mul(sum, sum), denominator), halfShininess);
        const s = v128.and(f32x4.mul(strength, f32x4.mul(highlight, f32x4.splat(materialSpecular))), facing);
        specularR = f32x4.add(specularR, f32x4.mul(s, v128.load32_splat(light, LIGHT_SPECULAR)));
        specularG = f32x4.add(specularG, f32x4.mul(s, v128.load32_splat(light, LIGHT_SPECULAR + 4)));
        specularB = f32x4.add(specularB, f32x4.mul(s, v128.load32_splat(light, LIGHT_SPECULAR + 8)));
      }
    }
    const r = f32x4.min(full, f32x4.add(f32x4.mul(red, diffuseR), specularR));
    const g = f32x4.min(full, f32x4.add(f32x4.mul(green, diffuseG), specularG));
    const b = f32x4.min(full, f32x4.add(f32x4.mul(blue, diffuseB), specularB));
    const share = f32x4.mul(full, f32x4.div(caster, f32x4.add(diffuseR, f32x4.splat(0.000001))));

    let sx = f32x4.add(xt, f32x4.add(f32x4.mul(xx, x), f32x4.add(f32x4.mul(xy, y), f32x4.mul(xz, z))));
    let sy = f32x4.add(yt, f32x4.add(f32x4.mul(yx, x), f32x4.add(f32x4.mul(yy, y), f32x4.mul(yz, z))));
    let w = f32x4.add(wt, f32x4.add(f32x4.mul(wx, x), f32x4.add(f32x4.mul(wy, y), f32x4.mul(wz, z))));
    if (divide) {
      w = f32x4.div(one, w);
      sx = f32x4.mul(sx, w);
      sy = f32x4.mul(sy, w);
    }
    storeRecords(to, sx, sy, w, zero, r, g, b, share);
  }
}

function dot(ax: v128, ay: v128, az: v128, bx: v128, by: v128, bz: v128): v128 {
  return f32x4.add(f32x4.mul(ax, bx), f32x4.add(f32x4.mul(ay, by), f32x4.mul(az, bz)));
}
