/** Recorded JPEG images as a policy, a viewer or an export wants them. */
import type { ImageRequest } from '../contract/camera.js';
import { crop, resize } from '../imaging/image.js';
import { decodeJpeg } from '../imaging/jpeg.js';

/** Decodes a JPEG, cuts out the region asked for and scales it into `rgb`. */
export function decodeRequested(
  jpeg: Uint8Array,
  { region, width, height }: ImageRequest,
  rgb: Uint8Array,
): void {
  const whole = decodeJpeg(jpeg);
  const part = region === undefined ? whole : crop(whole, region);
  if (part.width === width && part.height === height) rgb.set(part.rgb);
  else rgb.set(resize(part, width, height).rgb);
}
