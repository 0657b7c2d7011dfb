/**
 * Word offsets (4 bytes each) of the structures that the kernel reads; `kernel/layout.as.ts` holds the same in bytes,
 * and test/render/layout.test.ts holds the two equal.
 */

/** A thing to draw: one geom with its mesh, material and pose. */
export const INSTANCE = {
  words: 40,
  points: 0,
  pointBlocks: 1,
  corners: 2,
  cornerBlocks: 3,
  indices: 4,
  triangles: 5,
  red: 6,
  green: 7,
  blue: 8,
  alpha: 9,
  emission: 10,
  specular: 11,
  halfShininess: 12,
  faintest: 13,
  centre: 14,
  radius: 17,
  position: 18,
  rotation: 21,
  textureKind: 30,
  texture: 31,
  textureWidth: 32,
  textureHeight: 33,
  textureScale: 34,
  textureRepeat: 37,
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

/** Bytes of a point on the screen and of a corner's colour; triangle indices are stored multiplied by it. */
export const RECORD_BYTES = 16;

/** Bytes of an entry of the list of instances in view. */
export const IN_VIEW_BYTES = 12;
