/** Images of recorded episodes, read back from their files by camera and step. */
import { closeSync, openSync, readSync } from 'node:fs';
import type { ImageRequest } from '../contract/camera.js';
import type { EpisodeData, EpisodeImages } from '../contract/episode.js';
import { EpisodeError, UnknownCameraError } from '../contract/errors.js';
import { COMPRESSED_IMAGE } from './rosMessages.js';
import { cameraOfTopic } from './topics.js';
import { walkMcap } from './walkMcap.js';

/** Decodes a JPEG, cuts out the region asked for and scales it into `rgb`. */
export type JpegDecoder = (jpeg: Uint8Array, request: ImageRequest, rgb: Uint8Array) => void;

/** Where one image lies in its file. */
interface StoredImage {
  readonly step: number;
  readonly offset: number;
  readonly length: number;
}

/** Not for episodes without images: simulated ones are drawn again from their physics state. */
export class RecordedImages implements EpisodeImages {
  readonly #decode: JpegDecoder;
  /** Per file, per camera, in the order of steps. A few hundred entries of three numbers each. */
  readonly #indices = new Map<string, Map<string, StoredImage[]>>();

  constructor(decode: JpegDecoder) {
    this.#decode = decode;
  }

  /** Cameras whose images are in the episode's file. Throws EpisodeError. */
  cameras({ path }: EpisodeData): readonly string[] {
    return path === undefined ? [] : [...this.#indexOf(path).keys()];
  }

  /** The newest image at `step`. Throws UnknownCameraError and EpisodeError. */
  image(episode: EpisodeData, step: number, request: ImageRequest, rgb: Uint8Array): void {
    this.#decode(this.jpeg(episode, step, request.camera), request, rgb);
  }

  /** The same as it was stored. */
  jpeg(episode: EpisodeData, step: number, camera: string): Uint8Array {
    const { path } = episode;
    if (path === undefined) throw new EpisodeError('this episode was not read from a file, it has no images');
    const index = this.#indexOf(path);
    const images = index.get(camera);
    if (!images) {
      const known = [...index.keys()].join(', ') || 'none';
      throw new UnknownCameraError(`${path} has no images of ${camera}; its cameras: ${known}`);
    }
    // A camera slower than the control loop repeats its newest image; before its first one, that one.
    const stored = images.findLast((image) => image.step <= step) ?? images[0]!;
    const message = new Uint8Array(stored.length);
    const file = openSync(path, 'r');
    try {
      const read = readSync(file, message, 0, stored.length, stored.offset);
      if (read < stored.length)
        throw new EpisodeError(`${path} ends within the image of step ${stored.step}`);
    } finally {
      closeSync(file);
    }
    return COMPRESSED_IMAGE.decode(message).data;
  }

  #indexOf(path: string): Map<string, StoredImage[]> {
    const known = this.#indices.get(path);
    if (known) return known;
    const cameras = new Map<string, StoredImage[]>();
    const channels = new Map<number, StoredImage[]>();
    walkMcap(path, {
      channel: ({ id, topic }) => {
        const camera = cameraOfTopic(topic);
        if (camera === undefined) return;
        const images: StoredImage[] = [];
        cameras.set(camera, images);
        channels.set(id, images);
      },
      message: ({ channelId, sequence, offset, data }) =>
        channels.get(channelId)?.push({ step: sequence, offset, length: data.length }),
    });
    this.#indices.set(path, cameras);
    return cameras;
  }
}
