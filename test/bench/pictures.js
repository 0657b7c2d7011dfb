/** Pictures as large as a webcam's: 640 x 480, some 74 KB as JPEG. */
import { encodeJpeg } from '../../dist/imaging/jpeg.js';

export const SIZE = { width: 640, height: 480 };

/** @param seed tells the pictures of one camera from those of another */
export function pictures(count, seed) {
  let state = seed + 1;
  const noise = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  return Array.from({ length: count }, (_, number) => {
    const rgb = new Uint8Array(SIZE.width * SIZE.height * 3);
    for (let y = 0, at = 0; y < SIZE.height; y++) {
      for (let x = 0; x < SIZE.width; x++) {
        const bright = 90 + 60 * Math.sin((x + 8 * number) / 40) + 40 * Math.sin(y / 30) + 46 * noise();
        rgb[at++] = bright;
        rgb[at++] = bright * 0.9;
        rgb[at++] = 230 - bright;
      }
    }
    return encodeJpeg({ ...SIZE, rgb }, 76);
  });
}
