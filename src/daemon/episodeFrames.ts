/** Images of recorded episodes at one size: recorded JPEGs where there are any, else drawn from physics states. */
import { imageBytes, type CameraName, type ImageRequest } from '../contract/camera.js';
import type { EpisodeData } from '../contract/episode.js';
import { EpisodeError, UnknownCameraError } from '../contract/errors.js';
import type { ExportImages } from '../episodes/export/exportEpisode.js';
import { RecordedImages } from '../episodes/recordedImages.js';
import { decodeJpeg } from '../imaging/jpeg.js';
import { SimImages } from '../simulation/simCameras.js';
import { decodeRequested } from './jpegDecoder.js';

export interface FrameChoice {
  readonly width: number;
  readonly height: number;
  /** All that an episode has when absent. */
  readonly cameras?: readonly CameraName[];
  /** Scene to draw in; the task's own when absent. */
  readonly scene?: string;
}

export class EpisodeFrames {
  readonly #choice: FrameChoice;
  readonly #warn: (line: string) => void;
  readonly #recorded = new RecordedImages(decodeRequested);
  /** One world per task. */
  readonly #worlds = new Map<string, SimImages>();

  constructor(choice: FrameChoice, warn: (line: string) => void) {
    this.#choice = choice;
    this.#warn = warn;
  }

  /** Throws EpisodeError when there is nothing to see, UnknownCameraError, SceneError. */
  async of(episode: EpisodeData): Promise<ExportImages> {
    const recorded = this.#recorded.cameras(episode);
    const { width, height, cameras: wanted } = this.#choice;
    const drawable = episode.physicsState.length > 0;
    const drawn =
      drawable && (recorded.length === 0 || wanted?.some((camera) => !recorded.includes(camera)))
        ? await this.#world(episode)
        : undefined;
    const known = [...new Set([...recorded, ...(drawn?.cameras ?? [])])];
    if (known.length === 0) {
      throw new EpisodeError(
        `${episode.path} holds neither images nor physics states, so there is nothing to see; ` +
          'record with --images jpeg',
      );
    }
    const cameras = wanted ?? (recorded.length > 0 ? recorded : known);
    for (const camera of cameras) {
      if (!known.includes(camera)) {
        throw new UnknownCameraError(
          `${episode.path} has no camera ${camera}; its cameras: ${known.join(', ')}`,
        );
      }
    }
    const rgb = new Uint8Array(imageBytes({ camera: '', width, height }));
    const request = (camera: CameraName): ImageRequest => ({ camera, width, height });
    return {
      cameras,
      width,
      height,
      rgb: (camera, step) => {
        const source = recorded.includes(camera) ? this.#recorded : drawn;
        source?.image(episode, step, request(camera), rgb);
        return rgb;
      },
      jpeg: (camera, step) => {
        if (!recorded.includes(camera)) return undefined;
        const bytes = this.#recorded.jpeg(episode, step, camera);
        const stored = decodeJpeg(bytes);
        return stored.width === width && stored.height === height ? bytes : undefined;
      },
    };
  }

  dispose(): void {
    for (const world of this.#worlds.values()) world.dispose();
  }

  async #world({ info, path }: EpisodeData): Promise<SimImages> {
    const known = this.#worlds.get(info.task);
    if (known) return known;
    const { scene } = this.#choice;
    const world = await SimImages.create({ task: info.task, ...(scene !== undefined && { scene }) });
    this.#worlds.set(info.task, world);
    const { sceneSha256 } = info.extra;
    if (sceneSha256 !== undefined && sceneSha256 !== world.sceneSha256) {
      this.#warn(
        `${path} was recorded in another scene or an older version of it; if its images look wrong, name it with --scene`,
      );
    }
    return world;
  }
}
