/** What a film of an episode looks like: all cameras, two by two, every second tick. */
import { CAMERAS, type ImageRequest } from '../contract/camera.js';
import { blankImage, paste, type Image } from '../imaging/image.js';

/** Size of one camera's picture. */
export const FILM_TILE = { width: 320, height: 240 } as const;

export const FILM = {
  requests: CAMERAS.map((camera): ImageRequest => ({ camera, ...FILM_TILE })),
  width: 2 * FILM_TILE.width,
  height: 2 * FILM_TILE.height,
  /** Control steps from one frame to the next, and frames per second of true time. */
  every: 2,
  framesPerSecond: 25,
} as const;

/** Images of `FILM.requests` as one. */
export function mosaic(images: readonly Uint8Array[]): Image {
  const whole = blankImage(FILM.width, FILM.height);
  images.forEach((rgb, i) => {
    paste(whole, { ...FILM_TILE, rgb }, (i % 2) * FILM_TILE.width, Math.floor(i / 2) * FILM_TILE.height);
  });
  return whole;
}
