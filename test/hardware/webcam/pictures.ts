/** Small JPEG files to send, each of another colour. */
import { encodeJpeg } from '#alohad/imaging/jpeg.js';

export function picture(number: number, width = 32, height = 24): Uint8Array {
  const rgb = new Uint8Array(width * height * 3);
  for (let at = 0; at < rgb.length; at++) rgb[at] = (at * (number + 3) + 40 * number) % 256;
  return encodeJpeg({ width, height, rgb });
}
