/** What each loader thread imports for images: recorded JPEGs where there are any, else drawn from physics states. */
import type { ImageRequest } from '../contract/camera.js';
import type { EpisodeData, EpisodeImages } from '../contract/episode.js';
import { RecordedImages } from '../episodes/recordedImages.js';
import { SimImages } from '../simulation/simCameras.js';
import type { WorldOptions } from '../simulation/world.js';
import { decodeRequested } from './jpegDecoder.js';

/** Called by `learning/batchLoaderWorker.ts` in each of its threads. */
export async function createImages(options: WorldOptions): Promise<EpisodeImages> {
  const recorded = new RecordedImages(decodeRequested);
  const drawn = await SimImages.create(options);
  return {
    image(episode: EpisodeData, step: number, request: ImageRequest, rgb: Uint8Array): void {
      // A physics state gives the exact image of any region; a JPEG gives what a webcam gave.
      const source = episode.physicsState.length > 0 ? drawn : recorded;
      source.image(episode, step, request, rgb);
    },
  };
}
