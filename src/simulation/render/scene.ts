/**
 * What of a compiled MuJoCo model can be seen: one drawable per visible geom, with its mesh, colour and material.
 * Geom groups 0 to 2 are visible, as in MuJoCo's viewer.
 */
import type { Geometry } from './geometry.js';
import type { SceneModel } from './model.js';
import type { Texture } from './textures.js';
import { meanColour, textureOfMaterial } from './textures.js';
import { box, capsule, cylinder, endlessPlane, plane, scaled, sphere } from './geometry.js';

/** Values of mjtGeom; source: mujoco/mjmodel.h. */
const SHAPE = {
  plane: 0,
  sphere: 2,
  capsule: 3,
  ellipsoid: 4,
  cylinder: 5,
  box: 6,
  mesh: 7,
  sdf: 8,
} as const;

/** Highest geom group drawn. */
const LAST_VISIBLE_GROUP = 2;

export interface Material {
  /** Red, green, blue, alpha in 0..1. */
  readonly rgba: readonly number[];
  readonly emission: number;
  readonly specular: number;
  /** Exponent of the highlight, 0..128. */
  readonly shininess: number;
  readonly texture?: MappedTexture;
}

/** A texture and how it lies on a geom: looked up at the geom's own coordinates times `scale`. */
export interface MappedTexture {
  readonly texture: Texture;
  readonly mapping: 'planar' | 'box' | 'cube';
  /** Along x, y, z; shapes with a size become units of half size 1, others keep metres. */
  readonly scale: readonly number[];
  /** How often a planar texture fits into two such units. */
  readonly repeat: readonly number[];
}

export interface Drawable {
  /** Index of the geom whose pose places it. */
  readonly geom: number;
  readonly geometry: Geometry;
  readonly material: Material;
}

/** MuJoCo's appearance of a geom without a material; source: MuJoCo XML reference, `asset/material`. */
const PLAIN = { emission: 0, specular: 0.5, shininess: 0.5 * 128 } as const;

/** The visible geoms of a model. Shapes that cannot be drawn (height fields, flexes, skins) are left out. */
export function drawables(model: SceneModel): Drawable[] {
  const groups = model.geom_group;
  const found: Drawable[] = [];
  for (let geom = 0; geom < model.ngeom; geom++) {
    if ((groups[geom] ?? 0) > LAST_VISIBLE_GROUP) continue;
    const material = materialOf(model, geom);
    const geometry = geometryOf(model, geom);
    if (geometry === undefined || (material.rgba[3] ?? 0) <= 0) continue;
    found.push({ geom, geometry, material });
  }
  return found;
}

function materialOf(model: SceneModel, geom: number): Material {
  const material = model.geom_matid[geom] ?? -1;
  const own = [...model.geom_rgba.subarray(4 * geom, 4 * geom + 4)];
  if (material < 0) return { rgba: own, ...PLAIN };
  // A geom's own colour wins over its material's unless it was left at MuJoCo's default grey.
  const isDefault = own.every((value, i) => value === (i < 3 ? 0.5 : 1));
  const rgba = isDefault ? [...model.mat_rgba.subarray(4 * material, 4 * material + 4)] : own;
  const look = {
    emission: model.mat_emission[material] ?? 0,
    specular: model.mat_specular[material] ?? 0,
    shininess: (model.mat_shininess[material] ?? 0) * 128,
  };
  const texture = textureOfMaterial(model, material);
  if (texture === undefined) return { rgba, ...look };
  if (hasTextureCoordinates(model, geom)) {
    const mean = meanColour(texture);
    return { rgba: rgba.map((value, i) => value * (mean[i] ?? 1)), ...look };
  }
  return { rgba, ...look, texture: mapTexture(model, geom, material, texture) };
}

/** Meshes may bring coordinates of their own, which are not followed. */
function hasTextureCoordinates(model: SceneModel, geom: number): boolean {
  const mesh = model.geom_dataid[geom] ?? -1;
  return model.geom_type[geom] === SHAPE.mesh && (model.mesh_texcoordadr[mesh] ?? -1) >= 0;
}

/** Source of the rules: MuJoCo XML reference, `texrepeat` and `texuniform`. */
function mapTexture(model: SceneModel, geom: number, material: number, texture: Texture): MappedTexture {
  const type = model.geom_type[geom] ?? -1;
  const accessor = model.mat(material);
  const isUniform = accessor.texuniform;
  accessor.delete();
  const size = drawnSize(
    type,
    [0, 1, 2].map((k) => model.geom_size[3 * geom + k] ?? 0),
  );
  const isBox = texture.kind === 'planar' && type === SHAPE.box;
  const keepsMetres = isUniform && !isBox;
  const repeat = [0, 1].map((k) => model.mat_texrepeat[2 * material + k] ?? 1);
  return {
    texture,
    mapping: isBox ? 'box' : texture.kind,
    scale: size.map((half) => (keepsMetres || half === 0 ? 1 : 1 / half)),
    repeat: isUniform && isBox ? repeat.map((value, k) => value * (size[k] ?? 1)) : repeat,
  };
}

/** Half size along x, y, z that MuJoCo stretches a unit shape by; zero where the shape keeps metres. */
function drawnSize(type: number, [x = 0, y = 0, z = 0]: readonly number[]): number[] {
  if (type === SHAPE.sphere) return [x, x, x];
  if (type === SHAPE.capsule || type === SHAPE.cylinder) return [x, x, y];
  return [x, y, z];
}

/**
 * Flat cells this long, in model extents, are fine enough for light that is computed at their corners. MuJoCo cuts
 * every box into 4 x 4 and every cylinder into 16 rings; small ones look the same with fewer.
 */
const CELL_EXTENTS = 1 / 8;

/** A geom's mesh, as finely cut as MuJoCo's `visual/quality` says where it is round or large. */
function geometryOf(model: SceneModel, geom: number): Geometry | undefined {
  const [x = 0, y = 0, z = 0] = model.geom_size.subarray(3 * geom, 3 * geom + 3);
  const { numslices, numstacks, numquads } = model.vis.quality;
  const cells = (halfLength: number, most: number): number =>
    Math.min(most, Math.max(1, Math.ceil((2 * halfLength) / (CELL_EXTENTS * model.stat.extent))));
  switch (model.geom_type[geom] ?? -1) {
    case SHAPE.plane:
      return x > 0 && y > 0 ? plane(x, y) : endlessPlane(model.vis.map.zfar * model.stat.extent);
    case SHAPE.sphere:
      return scaled(sphere(numslices, numstacks), [x, x, x]);
    case SHAPE.capsule:
      return scaled(capsule(numslices, numstacks, y / x, cells(y, numstacks)), [x, x, x]);
    case SHAPE.ellipsoid:
      return scaled(sphere(numslices, numstacks), [x, y, z]);
    case SHAPE.cylinder:
      return scaled(cylinder(numslices, cells(y, numstacks)), [x, x, y]);
    case SHAPE.box:
      return scaled(box([cells(x, numquads), cells(y, numquads), cells(z, numquads)]), [x, y, z]);
    case SHAPE.mesh:
    case SHAPE.sdf:
      return meshOf(model, model.geom_dataid[geom] ?? -1);
    default:
      return undefined;
  }
}

/** A vertex takes its face's normal where its own deviates more than this cosine allows; source: MuJoCo's renderer. */
const SMOOTH_COSINE = 0.8;

/** Normals are told apart in steps of this size. */
const NORMAL_STEPS = 1000;

/** A mesh asset; vertices are doubled where one position carries several normals. */
function meshOf(model: SceneModel, mesh: number): Geometry | undefined {
  if (mesh < 0) return undefined;
  const at = (array: Int32Array): number => array[mesh] ?? 0;
  const firstFace = 3 * at(model.mesh_faceadr);
  const endFace = firstFace + 3 * at(model.mesh_facenum);
  const faces = model.mesh_face.subarray(firstFace, endFace);
  const faceNormals = model.mesh_facenormal.subarray(firstFace, endFace);
  const vertices = model.mesh_vert.subarray(3 * at(model.mesh_vertadr));
  const normals = model.mesh_normal.subarray(3 * at(model.mesh_normaladr));
  const vector = (array: Float32Array, i: number): Vector => [
    array[3 * i] ?? 0,
    array[3 * i + 1] ?? 0,
    array[3 * i + 2] ?? 0,
  ];
  const seen = new Map<number, number>();
  const outPositions: number[] = [];
  const outNormals: number[] = [];
  const indices = new Uint32Array(faces.length);
  for (let face = 0; face < faces.length; face += 3) {
    const corners = [0, 1, 2].map((k) => faces[face + k] ?? 0);
    const flat = faceNormal(
      vector(vertices, corners[0] ?? 0),
      vector(vertices, corners[1] ?? 0),
      vector(vertices, corners[2] ?? 0),
    );
    corners.forEach((vertex, k) => {
      const smooth = vector(normals, faceNormals[face + k] ?? 0);
      const normal = dot(smooth, flat) < SMOOTH_COSINE ? flat : smooth;
      const key = normal.reduce(
        (sum, c) => sum * 2 * NORMAL_STEPS + Math.round((c + 1) * NORMAL_STEPS),
        vertex,
      );
      let index = seen.get(key);
      if (index === undefined) {
        index = seen.size;
        seen.set(key, index);
        outPositions.push(...vector(vertices, vertex));
        outNormals.push(...normal);
      }
      indices[face + k] = index;
    });
  }
  return { positions: Float32Array.from(outPositions), normals: Float32Array.from(outNormals), indices };
}

type Vector = readonly [number, number, number];

const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

function faceNormal(a: Vector, b: Vector, c: Vector): Vector {
  const [ux, uy, uz] = [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
  const [vx, vy, vz] = [c[0] - a[0], c[1] - a[1], c[2] - a[2]];
  const normal: Vector = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
  const length = Math.hypot(...normal) || 1;
  return [normal[0] / length, normal[1] / length, normal[2] / length];
}
