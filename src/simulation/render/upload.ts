/** Copies what does not change from frame to frame into the kernel's memory: meshes, materials, textures. */
import type { Geometry } from './geometry.js';
import type { Kernel } from './kernel.js';
import { IN_VIEW_BYTES, INSTANCE, RECORD_BYTES } from './layout.js';
import type { Drawable } from './scene.js';
import type { Texture } from './textures.js';

const TEXTURE_KINDS = { planar: 1, box: 2, cube: 3 } as const;

/** Byte offsets of what the kernel needs while it draws an instance; large enough for any of them. */
export interface Room {
  readonly screen: number;
  readonly colours: number;
  readonly marks: number;
  readonly list: number;
  readonly inView: number;
}

/** Room for the greatest of these drawables, and for a list of them all. */
export function allocateRoom(kernel: Kernel, drawables: readonly Drawable[]): Room {
  const most = (count: (geometry: Geometry) => number): number =>
    Math.max(0, ...drawables.map(({ geometry }) => count(geometry)));
  const corners = most(({ positions }) => positions.length / 3) + 3; // filled up to fours
  return {
    screen: kernel.allocate(corners * RECORD_BYTES),
    colours: kernel.allocate(corners * RECORD_BYTES),
    marks: kernel.allocate(corners / 4),
    list: kernel.allocate(4 * most(({ indices }) => indices.length / 3)),
    inView: kernel.allocate(IN_VIEW_BYTES * drawables.length),
  };
}

/** Writes one drawable into the instance at byte offset `instance`; its pose is left for later. */
export function uploadDrawable(kernel: Kernel, { geometry, material }: Drawable, instance: number): void {
  const mesh = uploadMesh(kernel, geometry);
  const texture = material.texture === undefined ? 0 : uploadTexture(kernel, material.texture.texture);
  const words = kernel.words(instance, INSTANCE.words);
  const floats = kernel.floats(instance, INSTANCE.words);
  words.set(mesh, INSTANCE.points);
  const [red = 0, green = 0, blue = 0, alpha = 1] = material.rgba;
  floats.set([red * 255, green * 255, blue * 255, alpha], INSTANCE.red);
  floats[INSTANCE.emission] = material.emission;
  floats[INSTANCE.specular] = material.specular;
  const halfShininess = Math.max(1, Math.round(material.shininess / 2));
  words[INSTANCE.halfShininess] = halfShininess;
  // Below this squared cosine a highlight is less than half a step of 255.
  floats[INSTANCE.faintest] =
    Math.min(1, 0.5 / (255 * Math.max(material.specular, 1e-9))) ** (1 / halfShininess);
  const { centre, radius } = boundingSphere(geometry);
  floats.set([...centre, radius], INSTANCE.centre);
  if (material.texture !== undefined) {
    const { mapping, scale, repeat } = material.texture;
    const { width, height } = material.texture.texture;
    words.set([TEXTURE_KINDS[mapping], texture, width, height], INSTANCE.textureKind);
    floats.set(scale, INSTANCE.textureScale);
    floats.set(repeat, INSTANCE.textureRepeat);
  }
}

/** Copies a texture's texels; returns their byte offset. */
export function uploadTexture(kernel: Kernel, { rgba }: Texture): number {
  const at = kernel.allocate(rgba.length);
  kernel.bytes(at, rgba.length).set(rgba);
  return at;
}

/** Copies a mesh; returns what the instance's first six words say of it. */
function uploadMesh(kernel: Kernel, { positions, normals, indices }: Geometry): number[] {
  const { points, pointOf } = distinctPoints(positions);
  const atPoints = uploadBlocks(kernel, [points]);
  const atCorners = uploadBlocks(kernel, [positions, normals]);
  const atIndices = kernel.allocate(8 * indices.length);
  const words = kernel.words(atIndices, 2 * indices.length);
  indices.forEach((corner, i) => {
    words[i] = (pointOf[corner] ?? 0) * RECORD_BYTES;
    words[indices.length + i] = corner * RECORD_BYTES;
  });
  const blocks = (values: ArrayLike<number>): number => Math.ceil(values.length / 12);
  return [atPoints, blocks(points), atCorners, blocks(positions), atIndices, indices.length / 3];
}

/** Positions without repetitions, and which of them each corner has. */
function distinctPoints(positions: Float32Array): { points: number[]; pointOf: Uint32Array } {
  const seen = new Map<string, number>();
  const points: number[] = [];
  const pointOf = new Uint32Array(positions.length / 3);
  for (let corner = 0; corner < pointOf.length; corner++) {
    const position = positions.subarray(3 * corner, 3 * corner + 3);
    const key = position.join();
    let point = seen.get(key);
    if (point === undefined) {
      point = seen.size;
      seen.set(key, point);
      points.push(...position);
    }
    pointOf[corner] = point;
  }
  return { points, pointOf };
}

/** Packs vectors for four at a time: x4 y4 z4 of the first array, then of the next; the last fill up the last block. */
function uploadBlocks(kernel: Kernel, arrays: readonly ArrayLike<number>[]): number {
  const count = (arrays[0]?.length ?? 0) / 3;
  const blocks = Math.ceil(count / 4);
  const words = 12 * arrays.length;
  const at = kernel.allocate(4 * words * blocks);
  const packed = kernel.floats(at, words * blocks);
  for (let i = 0; i < 4 * blocks; i++) {
    const source = 3 * Math.min(i, count - 1);
    arrays.forEach((array, which) => {
      for (let axis = 0; axis < 3; axis++) {
        packed[words * (i >> 2) + 12 * which + 4 * axis + (i & 3)] = array[source + axis] ?? 0;
      }
    });
  }
  return at;
}

/** Sphere around the middle of the mesh's box [m]. */
function boundingSphere({ positions }: Geometry): { centre: number[]; radius: number } {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  positions.forEach((value, i) => {
    low[i % 3] = Math.min(low[i % 3] ?? 0, value);
    high[i % 3] = Math.max(high[i % 3] ?? 0, value);
  });
  const centre = low.map((value, axis) => (value + (high[axis] ?? 0)) / 2);
  let radius = 0;
  for (let i = 0; i < positions.length; i += 3) {
    radius = Math.max(radius, Math.hypot(...centre.map((value, axis) => (positions[i + axis] ?? 0) - value)));
  }
  return { centre, radius };
}
