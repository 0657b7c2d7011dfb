/** The textures of a model as the kernel reads them: four bytes per texel, row by row. */
import type { SceneModel } from './model.js';

/** Values of mjtTexture; source: mujoco/mjmodel.h. */
const CUBE = 1;
const SKYBOX = 2;

/** Roles of a texture in a material, and which of them colours it; source: mujoco/mjmodel.h (mjNTEXROLE, mjTEXROLE_RGB). */
const ROLES = 10;
const RGB_ROLE = 1;

export interface Texture {
  /** `cube`: six squares, one below the other: +x -x +y -y +z -z. */
  readonly kind: 'planar' | 'cube';
  readonly width: number;
  readonly height: number;
  /** height x width x 4, RGBA. */
  readonly rgba: Uint8Array;
}

/** The texture that colours a material, if any. */
export function textureOfMaterial(model: SceneModel, material: number): Texture | undefined {
  const id = model.mat_texid[ROLES * material + RGB_ROLE] ?? -1;
  return id < 0 ? undefined : readTexture(model, id);
}

/** The first sky that the model declares. */
export function skyTexture(model: SceneModel): Texture | undefined {
  const id = model.tex_type.indexOf(SKYBOX);
  return id < 0 ? undefined : readTexture(model, id);
}

/** Mean colour of a texture, 0..1: what stands in where texture coordinates are not followed. */
export function meanColour({ rgba }: Texture): number[] {
  const sum = [0, 0, 0];
  for (let i = 0; i < rgba.length; i += 4)
    for (let k = 0; k < 3; k++) sum[k] = (sum[k] ?? 0) + (rgba[i + k] ?? 0);
  return sum.map((value) => (value * 4) / rgba.length / 255);
}

function readTexture(model: SceneModel, id: number): Texture {
  const at = (array: Int32Array): number => array[id] ?? 0;
  const [width, height, channels] = [at(model.tex_width), at(model.tex_height), at(model.tex_nchannel)];
  const data = model.tex_data.subarray(Number(model.tex_adr[id] ?? 0));
  const rgba = new Uint8Array(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    for (let k = 0; k < 3; k++) rgba[4 * i + k] = data[channels * i + Math.min(k, channels - 1)] ?? 0;
    rgba[4 * i + 3] = 255;
  }
  if (at(model.tex_type) < CUBE) return { kind: 'planar', width, height, rgba };
  // A cube of one square has it on all six sides.
  const faces = height === width ? Buffer.concat(Array.from({ length: 6 }, () => rgba)) : rgba;
  return { kind: 'cube', width, height: 6 * width, rgba: faces };
}
