/**
 * Word offsets (4 bytes each) of the structures that the kernel reads; `kernel/layout.as.ts` holds the same in bytes,
 * and test/render/layout.test.ts holds the two equal.
 */

/** A thing to draw: one geom with its mesh, material and pose. */
export const INSTANCE = {
  words: 40,
  vertices: 0,
  blocks: 1,
  indices: 2,
  triangles: 3,
  red: 4,
  green: 5,
  blue: 6,
  alpha: 7,
  emission: 8,
  specular: 9,
  halfShininess: 10,
  faintest: 11,
  centre: 12,
  radius: 15,
  position: 16,
  rotation: 20,
  textureKind: 29,
  texture: 30,
  textureWidth: 31,
  textureHeight: 32,
  textureScale: 33,
  textureRepeat: 36,
} as const;

/** The camera of one image. Axes are unit vectors in the world; scale and centre are in pixels. */
export const CAMERA = {
  words: 20,
  eye: 0,
  right: 3,
  up: 6,
  back: 9,
  scaleX: 12,
  scaleY: 13,
  centreX: 14,
  centreY: 15,
  near: 16,
  /** Ambient light of all lights. */
  ambient: 17,
} as const;

/** A light. Directions point away from the light. */
export const LIGHT = {
  words: 20,
  kind: 0,
  direction: 1,
  position: 4,
  diffuse: 7,
  specular: 10,
  attenuation: 13,
  cosCutoff: 16,
  exponent: 17,
  casts: 18,
} as const;

/** The light that casts shadows: axes in texels per metre, the forward one in 1/range. */
export const SHADOW = { words: 12, origin: 0, right: 3, down: 6, forward: 9 } as const;

/** Bytes of one transformed vertex; triangle indices are stored multiplied by it. */
export const RECORD_BYTES = 32;

/** Bytes of an entry of the list of instances in view. */
export const IN_VIEW_BYTES = 12;
