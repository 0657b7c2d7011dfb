/**
 * Whether an episode in real time is fit to learn from: how even its steps are, and how old and how alive its images.
 *
 * Measured beside the loop, in fixed memory; an episode that is as fast as the simulation can be has no such clock.
 */
import type { CameraQuality, RecordingQuality } from '../contract/episode.js';
import { TimingHistogram } from '../realtime/timingHistogram.js';

/** Slower episodes are rejected [steps/s]; source: aloha record_episodes.py refuses 42, Interbotix 30; ours runs at 50. */
const SLOWEST_HZ = 45;
/** A camera that shows one frame for longer is frozen [ms]; at 30 Hz a frame is new every 33. */
const FROZEN_MS = 500;

/** What of a histogram is stored [ms]. */
const stored = (histogram: TimingHistogram) => {
  const { p50Ms, p99Ms, maxMs } = histogram.summary();
  return { p50Ms, p99Ms, maxMs };
};

class CameraMeter {
  readonly #ages = new TimingHistogram();
  #frames = 0;
  #dropped = 0;
  #sequence: number | undefined;
  /** When the frame that is shown was first seen [ms]. */
  #sinceMs = 0;
  #stillMs = 0;

  see(sequence: number, capturedMs: number, nowMs: number): void {
    this.#ages.record(nowMs - capturedMs);
    if (sequence === this.#sequence) {
      this.#stillMs = Math.max(this.#stillMs, nowMs - this.#sinceMs);
      return;
    }
    this.#sequence = sequence;
    this.#sinceMs = nowMs;
    this.#frames++;
  }

  drop(count: number): void {
    this.#dropped += count;
  }

  report(): CameraQuality {
    return {
      frames: this.#frames,
      dropped: this.#dropped,
      stillMs: this.#stillMs,
      age: stored(this.#ages),
    };
  }
}

export class QualityMeter {
  readonly #periods = new TimingHistogram();
  readonly #cameras = new Map<string, CameraMeter>();
  #steps = 0;
  #firstMs = 0;
  #lastMs = 0;

  constructor(cameras: readonly string[]) {
    for (const camera of cameras) this.#cameras.set(camera, new CameraMeter());
  }

  /** A step was taken. Safe in the loop. */
  step(nowMs: number): void {
    if (this.#steps++ === 0) this.#firstMs = nowMs;
    else this.#periods.record(nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }

  /** The newest frame of a camera was looked at. Safe in the loop. */
  frame(camera: string, sequence: number, capturedMs: number, nowMs: number): void {
    this.#cameras.get(camera)?.see(sequence, capturedMs, nowMs);
  }

  /** There was no room for frames. Safe in the loop. */
  drop(camera: string, count = 1): void {
    this.#cameras.get(camera)?.drop(count);
  }

  report(droppedSteps: number): RecordingQuality {
    const seconds = (this.#lastMs - this.#firstMs) / 1000;
    return {
      rateHz: seconds > 0 ? (this.#steps - 1) / seconds : 0,
      period: stored(this.#periods),
      droppedSteps,
      cameras: Object.fromEntries([...this.#cameras].map(([name, meter]) => [name, meter.report()])),
    };
  }
}

/** Why an episode is not to be learned from; undefined when it is fit. */
export function rejectionOf({ rateHz, droppedSteps, cameras }: RecordingQuality): string | undefined {
  const reasons = [
    ...(droppedSteps > 0 ? [`${droppedSteps} steps are missing`] : []),
    // One step has no rate.
    ...(rateHz > 0 && rateHz < SLOWEST_HZ
      ? [`${rateHz.toFixed(1)} steps a second, ${SLOWEST_HZ} are needed`]
      : []),
    ...Object.entries(cameras).flatMap(([camera, { stillMs, frames }]) =>
      frames === 0
        ? [`${camera} showed nothing`]
        : stillMs > FROZEN_MS
          ? [`${camera} was frozen for ${(stillMs / 1000).toFixed(1)} s`]
          : [],
    ),
  ];
  return reasons.length === 0 ? undefined : reasons.join('; ');
}
