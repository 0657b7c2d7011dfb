/** Brings the frames of one camera into an episode as they were captured, each once, at the step that could first see it. */
import type { FrameRing } from '../realtime/frameRing.js';
import { monotonicMs } from '../realtime/monotonic.js';
import type { EpisodeWriter } from './episodeWriter.js';

/** An older frame is not what a camera shows when an episode begins [ms]. */
const OLDEST_AT_START_MS = 500;

export class CapturedFrames {
  readonly #camera: string;
  readonly #ring: FrameRing;
  readonly #onLost: () => void;
  #next = 1;

  /** @param onLost a frame was gone before it could be recorded */
  constructor(camera: string, ring: FrameRing, onLost: () => void) {
    this.#camera = camera;
    this.#ring = ring;
    this.#onLost = onLost;
  }

  /** The episode has the newest frame there is, if the camera is alive, and all that follow. */
  begin(): void {
    const { newest } = this.#ring;
    const captureMs = this.#ring.captureMs(newest) ?? -Infinity;
    this.#next = monotonicMs() - captureMs < OLDEST_AT_START_MS ? newest : newest + 1;
  }

  /**
   * Appends what could be seen when step `number` began, at `beganMs` on the loop's clock.
   * @param ofLoopMs from the clock of all threads to the loop's [ms]
   */
  append(writer: EpisodeWriter, number: number, beganMs: number, ofLoopMs: number): void {
    for (const { newest } = this.#ring; this.#next <= newest; this.#next++) {
      const publishedMs = this.#ring.publishedMs(this.#next);
      if (publishedMs !== undefined && publishedMs + ofLoopMs > beganMs) return;
      const frame = this.#ring.read(this.#next);
      if (frame) writer.appendImage(this.#camera, frame.captureMs + ofLoopMs, frame.bytes, number);
      else this.#onLost();
    }
  }
}
