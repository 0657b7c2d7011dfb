/** Copies what does not change from frame to frame into the kernel's memory: meshes, materials, textures. */
import type { Geometry } from './geometry.js';
import type { Kernel } from './kernel.js';
import { INSTANCE, RECORD_BYTES } from './layout.js';
import type { Drawable } from './scene.js';
import type { Texture } from './textures.js';

/** Bytes and numbers of four packed vertices: x4 y4 z4 nx4 ny4 nz4. */
const BLOCK_WORDS = 24;

const TEXTURE_KINDS = { planar: 1, box: 2, cube: 3 } as const;

/** Writes one drawable into the instance at byte offset `instance`; its pose is left for later. */
export function uploadDrawable(kernel: Kernel, { geometry, material }: Drawable, instance: number): void {
  const mesh = uploadMesh(kernel, geometry);
  const texture = material.texture === undefined ? 0 : uploadTexture(kernel, material.texture.texture);
  const words = kernel.words(instance, INSTANCE.words);
  const floats = kernel.floats(instance, INSTANCE.words);
  words.set([mesh.vertices, mesh.blocks, mesh.indices, geometry.indices.length / 3], INSTANCE.vertices);
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

function uploadMesh(
  kernel: Kernel,
  geometry: Geometry,
): { vertices: number; blocks: number; indices: number } {
  const count = geometry.positions.length / 3;
  const blocks = Math.ceil(count / 4);
  const vertices = kernel.allocate(4 * BLOCK_WORDS * blocks);
  const indices = kernel.allocate(4 * geometry.indices.length);
  const packed = kernel.floats(vertices, BLOCK_WORDS * blocks);
  for (let i = 0; i < 4 * blocks; i++) {
    const source = 3 * Math.min(i, count - 1); // the last block is filled up with the last vertex
    const to = BLOCK_WORDS * (i >> 2) + (i & 3);
    for (let axis = 0; axis < 3; axis++) {
      packed[to + 4 * axis] = geometry.positions[source + axis] ?? 0;
      packed[to + 12 + 4 * axis] = geometry.normals[source + axis] ?? 0;
    }
  }
  kernel.words(indices, geometry.indices.length).set(geometry.indices.map((index) => index * RECORD_BYTES));
  return { vertices, blocks, indices };
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
