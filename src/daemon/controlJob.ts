/** What a control thread is told to do, and what it tells back. Everything here crosses a thread boundary. */
import type { Rig } from '../config/rig.js';
import type { ImageRequest } from '../contract/camera.js';
import type { EpisodeOutcome } from '../contract/episode.js';
import type { StartPose } from '../contract/task.js';
import type { FailedMessage } from './remoteError.js';

/** Who acts. */
export type SourceChoice =
  | { readonly kind: 'script'; readonly waypointNoiseM: number; readonly timing: number }
  | { readonly kind: 'policy'; readonly folder: string }
  | { readonly kind: 'replay'; readonly path: string }
  /** The rig's leader arms, in the hands of a person. */
  | { readonly kind: 'teleop' };

/** Pictures to take for people, every so many steps (and of the last one). */
export interface View {
  readonly name: string;
  readonly requests: readonly ImageRequest[];
  /** Steps at which the view is taken: a list, or every n steps. */
  readonly at: readonly number[] | number;
}

export interface RecordChoice {
  readonly directory: string;
  readonly images: 'jpeg' | 'none';
  readonly keep: 'successes' | 'failures' | 'all';
  /** An episode takes the place of one of its name; otherwise it is numbered. */
  readonly replace?: true;
}

export interface ControlJob {
  readonly rig: Rig;
  readonly source: SourceChoice;
  /** One episode each. */
  readonly starts: readonly StartPose[];
  readonly pace: 'realtime' | 'fast';
  readonly steps: number;
  /** Shakes open hands by so much while demonstrations are recorded [rad]; see simulation/shake.ts. */
  readonly shakeRad?: number;
  /** Control steps between queries; the policy's default when absent. */
  readonly queryEvery?: number;
  readonly views: readonly View[];
  readonly record?: RecordChoice;
  /** Post qpos and reward of every step with the episode: replay compares them. */
  readonly trace?: boolean;
}

export interface TimingResult {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** What became of a recording. */
export interface KeptEpisode {
  /** Where it was recorded, if it was kept. */
  readonly recorded?: string;
  /** Why it is not to be learned from. */
  readonly rejected?: string;
}

export interface EpisodeResult extends KeptEpisode {
  readonly seed: number;
  readonly outcome: EpisodeOutcome;
  readonly clampedTicks: readonly number[];
  /** (T, 14) observed and (T,) rewards, when asked for. */
  readonly trace?: { readonly qpos: Float64Array; readonly reward: Float64Array };
}

/** Over all episodes of the job. */
export interface ControlTiming {
  readonly late: TimingResult;
  readonly missed: number;
  readonly ticks: number;
  /** Inference latency; absent without a policy. */
  readonly latency?: TimingResult;
}

export type ControlMessage =
  | {
      readonly kind: 'ready';
      readonly sourceName: string;
      /** Whether anybody gives rewards; otherwise outcomes say nothing of success. */
      readonly judged: boolean;
      readonly cameras: readonly string[];
      readonly sceneSha256: string;
    }
  | { readonly kind: 'warning'; readonly text: string }
  | { readonly kind: 'step'; readonly episode: number; readonly step: number; readonly reward: number }
  | {
      readonly kind: 'frame';
      readonly episode: number;
      readonly step: number;
      readonly view: string;
      /** One RGB image per request of the view. */
      readonly images: readonly Uint8Array[];
      readonly reward: number;
    }
  | { readonly kind: 'episode'; readonly episode: number; readonly result: EpisodeResult }
  | { readonly kind: 'done'; readonly interrupted: boolean; readonly timing: ControlTiming }
  | FailedMessage;
