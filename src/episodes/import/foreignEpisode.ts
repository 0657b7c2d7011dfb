/** An episode of another format, and how it becomes one of ours. */
import type { CameraName } from '../../contract/camera.js';
import type { EpisodeInfo } from '../../contract/episode.js';
import { EpisodeError } from '../../contract/errors.js';
import { CONTROL_PERIOD_S, DOF } from '../../contract/robot.js';
import type { EpisodeStore } from '../episodeStore.js';
import type { AfterStep } from '../export/exportEpisode.js';
import type { StoredFacts } from '../storedFacts.js';

/** Decoded pixels: height x width x 3 RGB, row-major. */
export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

export interface ForeignEpisode {
  /** File or dataset and number, for messages. */
  readonly origin: string;
  readonly steps: number;
  /** (T, 14) each; zeros where the format has none. */
  readonly qpos: Float64Array;
  readonly qvel: Float64Array;
  readonly effort: Float64Array;
  readonly action: Float64Array;
  /** (T,); zeros where nobody judged. */
  readonly reward: Float64Array;
  /** (T,) [ms]; nominal where none were measured. */
  readonly timeMs: Float64Array;
  /** Whether the format says that it was a simulation. */
  readonly simulated?: boolean;
  /** What alohad itself once exported with it. */
  readonly facts?: StoredFacts;
  readonly cameras: readonly CameraName[];
  /** The camera's images as JPEG, one per step. */
  frames(camera: CameraName): AsyncIterable<Uint8Array>;
  close(): void;
}

/** Times of T steps at ALOHA's nominal period [ms]. */
export const nominalTimes = (steps: number, periodMs = CONTROL_PERIOD_S * 1000): Float64Array =>
  Float64Array.from({ length: steps }, (_, step) => step * periodMs);

/**
 * Stores the episode under the store's next name. Returns its path. Throws EpisodeError, StorageError and what
 * `afterStep` throws; nothing is then left of it.
 */
export async function storeEpisode(
  store: EpisodeStore,
  foreign: ForeignEpisode,
  info: EpisodeInfo,
  success: boolean | undefined,
  afterStep: AfterStep,
): Promise<string> {
  const writer = store.create(info);
  const streams = foreign.cameras.map((camera) => ({
    camera,
    frames: foreign.frames(camera)[Symbol.asyncIterator](),
  }));
  const none = new Float64Array();
  try {
    for (let step = 0; step < foreign.steps; step++) {
      const timeMs = foreign.timeMs[step]!;
      for (const { camera, frames } of streams) {
        const next = await frames.next();
        if (next.done) {
          throw new EpisodeError(`${foreign.origin}: ${camera} has ${step} of ${foreign.steps} images`);
        }
        writer.appendImage(camera, timeMs, next.value);
      }
      const row = (column: Float64Array): Float64Array => column.subarray(step * DOF, (step + 1) * DOF);
      writer.appendStep({
        timeMs,
        sentMs: timeMs,
        qpos: row(foreign.qpos),
        qvel: row(foreign.qvel),
        effort: row(foreign.effort),
        action: row(foreign.action),
        reward: foreign.reward[step]!,
        physicsState: none,
        environmentState: none,
      });
      await afterStep();
    }
    writer.finish(success === undefined ? {} : { success });
  } catch (error) {
    writer.discard();
    throw error;
  } finally {
    for (const { frames } of streams) await frames.return?.();
  }
  return writer.path;
}
