/** Episodes: what is known of one, and how its content is read back, whatever file it lives in. */
import type { CameraName, ImageRequest } from './camera.js';
import type { Backend } from './robot.js';
import type { TaskName } from './task.js';

/** Facts of an episode that do not change over its steps. Stored as MCAP metadata. */
export interface EpisodeInfo {
  readonly task: TaskName;
  readonly backend: Backend;
  /** Name of the action source: `script`, a policy's name, `teleop`. */
  readonly source: string;
  /** Seed of the start pose. */
  readonly seed: number;
  /** Start poses of the objects (7 numbers each), where known. */
  readonly startObjects: readonly number[];
  readonly softwareVersion: string;
  /** Gripper constants in use, as the field's data differ in them. */
  readonly gripper: Readonly<Record<string, number>>;
  readonly cameras: readonly CameraName[];
  /** Anything else worth keeping: scene hash, URDF hash, policy provenance, noise settings. */
  readonly extra: Readonly<Record<string, string>>;
}

/** Whether anybody told its success; otherwise `success` says nothing until a person labels it. */
export const isJudged = ({ extra }: EpisodeInfo): boolean => extra['judged'] !== 'no';

/** What an episode ended with. */
export interface EpisodeOutcome {
  readonly steps: number;
  readonly maxReward: number;
  readonly finalReward: number;
  readonly success: boolean;
  /** Of an episode in real time. */
  readonly quality?: RecordingQuality | undefined;
  /** Why it is not to be learned from; absent: it is fit. */
  readonly rejected?: string | undefined;
}

interface Times {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface CameraQuality {
  /** Different frames that were seen. */
  readonly frames: number;
  /** Frames for which there was no room. */
  readonly dropped: number;
  /** Longest time that one frame was the newest [ms]. */
  readonly stillMs: number;
  /** From capture to the step that saw it. */
  readonly age: Times;
}

export interface RecordingQuality {
  /** Mean rate of steps [1/s]. */
  readonly rateHz: number;
  /** Between steps. */
  readonly period: Times;
  readonly droppedSteps: number;
  readonly cameras: Readonly<Record<CameraName, CameraQuality>>;
}

/** The numeric content of an episode of T steps, columns as flat row-major arrays. */
export interface EpisodeData {
  /** File it was read from; absent when it never was in one. */
  readonly path?: string;
  readonly info: EpisodeInfo;
  readonly outcome: EpisodeOutcome;
  readonly steps: number;
  /** (T, 14) observed before the action. */
  readonly qpos: Float64Array;
  readonly qvel: Float64Array;
  readonly effort: Float64Array;
  /** (T, 14) goals as sent. */
  readonly action: Float64Array;
  /** (T,) reward after the action. */
  readonly reward: Float64Array;
  /** (T,) measured time of the observation since the first one [ms]. */
  readonly timeMs: Float64Array;
  /** (T, n) simulator only: full physics state before the action, from which any image can be drawn again. */
  readonly physicsState: Float64Array;
  /** (T, m) simulator only: object poses. */
  readonly environmentState: Float64Array;
}

/** Images of recorded steps: decoded from the file, or drawn again from the physics state. */
export interface EpisodeImages {
  /** Writes the image seen at `step` of the episode into `rgb`. */
  image(episode: EpisodeData, step: number, request: ImageRequest, rgb: Uint8Array): void;
}
