/** Byte offsets of the structures that the host writes; kept equal to `layout.ts` by a test. */

/** A thing to draw: one geom with its mesh, material and pose. */
export const INSTANCE_BYTES: usize = 160;
/** Points: where something is. Corners: a point with the normal that it has in some triangles. */
export const POINTS: usize = 0;
export const POINT_BLOCKS: usize = 4;
export const CORNERS: usize = 8;
export const CORNER_BLOCKS: usize = 12;
/** For each triangle three points, then for each triangle three corners, all multiplied by RECORD_BYTES. */
export const INDICES: usize = 16;
export const TRIANGLES: usize = 20;
export const RED: usize = 24;
export const GREEN: usize = 28;
export const BLUE: usize = 32;
export const ALPHA: usize = 36;
export const EMISSION: usize = 40;
export const SPECULAR: usize = 44;
export const HALF_SHININESS: usize = 48;
export const FAINTEST: usize = 52;
export const CENTRE: usize = 56;
export const RADIUS: usize = 68;
export const POSITION: usize = 72;
export const ROTATION: usize = 84;
export const TEXTURE_KIND: usize = 120;
export const TEXTURE: usize = 124;
export const TEXTURE_WIDTH: usize = 128;
export const TEXTURE_HEIGHT: usize = 132;
export const TEXTURE_SCALE: usize = 136;
export const TEXTURE_REPEAT: usize = 148;

/** The camera of one image. */
export const EYE: usize = 0;
export const RIGHT: usize = 12;
export const UP: usize = 24;
export const BACK: usize = 36;
export const SCALE_X: usize = 48;
export const SCALE_Y: usize = 52;
export const CENTRE_X: usize = 56;
export const CENTRE_Y: usize = 60;
export const NEAR: usize = 64;
/** Ambient light of all lights, 3 floats. */
export const AMBIENT: usize = 68;

/** A light. Directions point away from the light. */
export const LIGHT_BYTES: usize = 80;
export const KIND: usize = 0;
export const DIRECTION: usize = 4;
export const LIGHT_POSITION: usize = 16;
export const DIFFUSE: usize = 28;
export const LIGHT_SPECULAR: usize = 40;
export const ATTENUATION: usize = 52;
export const COS_CUTOFF: usize = 64;
export const EXPONENT: usize = 68;
export const CASTS: usize = 72;

/** The light that casts shadows: axes in texels per metre, the forward one in 1/range. */
export const SHADOW_ORIGIN: usize = 0;
export const SHADOW_RIGHT: usize = 12;
export const SHADOW_DOWN: usize = 24;
export const SHADOW_FORWARD: usize = 36;

/** Four points as stored, float32: x4 y4 z4. */
export const POINT_BLOCK_BYTES: usize = 48;

/** Four corners as stored, float32: x4 y4 z4 nx4 ny4 nz4. */
export const CORNER_BLOCK_BYTES: usize = 96;

/**
 * Bytes of a point on the screen (float32 x, y [px], 1/depth [1/m], depth [m]), and of a corner's colour (float32 red,
 * green, blue, share of the shadow light, 0..255).
 */
export const RECORD_BYTES: usize = 16;

/** An instance in view: pointer, depth of its nearest point, whether it crosses the near plane. */
export const IN_VIEW_BYTES: usize = 12;

/** World component `row` of axis `column` of the instance's own frame. */
export function localAxis(instance: usize, column: usize, row: usize): f32 {
  return load<f32>(instance + ROTATION + (column << 2) + row * 12);
}

/** Component of a world vector along axis `column` of the instance's own frame. */
export function localComponent(instance: usize, column: usize, x: f32, y: f32, z: f32): f32 {
  const axis = instance + ROTATION + (column << 2);
  return x * load<f32>(axis) + y * load<f32>(axis, 12) + z * load<f32>(axis, 24);
}
