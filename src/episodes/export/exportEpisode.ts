/** What an export is given: an episode and its images, and what it asks of other layers. */
import type { CameraName } from '../../contract/camera.js';
import type { EpisodeData } from '../../contract/episode.js';

/** Images of one episode at one size. */
export interface ExportImages {
  readonly cameras: readonly CameraName[];
  readonly width: number;
  readonly height: number;
  /** height x width x 3 RGB, row-major. Borrowed: overwritten by the next call. */
  rgb(camera: CameraName, step: number): Uint8Array;
  /** The image as it was recorded, where that is a JPEG of this size. */
  jpeg(camera: CameraName, step: number): Uint8Array | undefined;
}

export interface ExportEpisode {
  readonly data: EpisodeData;
  readonly images: ExportImages;
}

/** Compresses RGB (height x width x 3, row-major). */
export type ImageEncoder = (rgb: Uint8Array, width: number, height: number) => Uint8Array;

/** Called after each step of long work: shows progress, lets others run. Throws Interrupted to stop it. */
export type AfterStep = () => Promise<void>;
