/** Recorded JPEG images as a policy, a viewer or an export wants them. */
import { FULL_FRAME, type ImageRequest } from '../contract/camera.js';
import { crop, resize } from '../imaging/image.js';
import { decodeJpeg } from '../imaging/jpeg.js';

/** Pixels of a whole picture: to make memory for each takes as long as to decode it. */
const space = Buffer.alloc(FULL_FRAME.width * FULL_FRAME.height * 3);

/** Decodes a JPEG, cuts out the region asked for and scales it into `rgb`. Throws Error when the bytes are not a JPEG. */
export function decodeRequested(
  jpeg: Uint8Array,
  { region, width, height }: ImageRequest,
  rgb: Uint8Array,
): void {
  const image = decodeJpeg(jpeg, space);
  const part = region === undefined ? image : crop(image, region);
  if (part.width === width && part.height === height) rgb.set(part.rgb);
  else rgb.set(resize(part, width, height).rgb);
}
