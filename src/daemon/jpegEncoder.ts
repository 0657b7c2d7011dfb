/** The recorder's encoder module: what its thread loads to compress images. */
import { encodeJpeg as encode } from '../imaging/jpeg.js';

/** Compresses RGB (height x width x 3) to JPEG. */
export const encodeJpeg = (rgb: Uint8Array, width: number, height: number): Uint8Array =>
  encode({ width, height, rgb });
