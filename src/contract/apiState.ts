/** What a daemon tells about itself. Everything here is JSON; times are Unix times [ms] unless said otherwise. */
import type { CameraHealth, Intrinsics } from './camera.js';
import type { Backend } from './robot.js';
import type { ServoHealth } from './servoHealth.js';
import type { TaskName } from './task.js';

/** What the daemon is doing. */
export const DAEMON_MODES = ['idle', 'teleop', 'remote', 'record', 'trial', 'replay', 'finetune'] as const;
export type DaemonMode = (typeof DAEMON_MODES)[number];

/** What the arms are allowed to do; see control/modes.ts. `lost` means that the control thread is not running. */
export type ArmState =
  | 'disconnected'
  | 'preflight'
  | 'limp'
  | 'holding'
  | 'aligning'
  | 'active'
  | 'parking'
  | 'parked'
  | 'faulted'
  | 'stopped'
  | 'lost';

/** Something that can be chosen, or why it cannot. */
export interface Choice<Name extends string> {
  readonly name: Name;
  /** Absent: it can be chosen. */
  readonly unavailable?: string;
}

/** Part of the process tree. */
export interface ChildState {
  readonly name: string;
  readonly state: 'stopped' | 'starting' | 'running' | 'waiting to restart';
  readonly pid?: number;
  /** How often it died since the daemon started. */
  readonly deaths: number;
  readonly lastError?: string;
}

/** [ms] */
export interface TimingState {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Rows of a histogram: upper bound [ms] and how many were at most that much (and more than the row before). */
export type HistogramRows = readonly (readonly [number, number])[];

export interface LoopState {
  readonly ticks: number;
  readonly missed: number;
  readonly late: TimingState;
  readonly lateHistogram: HistogramRows;
  readonly busy: TimingState;
  /** From the request of an emergency stop to the arms holding. */
  readonly stopping: TimingState;
  /** Inference latency; no rows before the first chunk. */
  readonly latency: TimingState;
  /** Steps on their way to the disk, while an episode is recorded. */
  readonly recorder: RecorderState | null;
}

export interface RecorderState {
  /** Steps that wait, and so many fit. */
  readonly waiting: number;
  readonly capacity: number;
  /** Steps and images that did not fit during this episode. */
  readonly dropped: { readonly steps: number; readonly images: number };
}

/** Episodes since the mode was entered: trial, record or replay. */
export interface RunState {
  readonly source: string;
  readonly wanted: number;
  readonly done: number;
  /** Of `done`: a task or a person has said what they were. */
  readonly judged: number;
  readonly successes: number;
  /** 95 % Wilson interval of the success rate among those judged. */
  readonly wilson95: readonly [number, number];
  readonly episodes: readonly {
    readonly seed: number;
    readonly maxReward: number;
    /** Null: nobody has judged it. */
    readonly success: boolean | null;
    readonly recorded?: string;
  }[];
}

/** A fine-tuning run, as its folder tells. */
export interface LearningState {
  readonly folder: string;
  readonly rollouts: number;
  /** Share of success over the last roll-outs, one point per roll-out. */
  readonly success: readonly number[];
  readonly evaluations: readonly {
    readonly rollouts: number;
    readonly successes: number;
    readonly episodes: number;
    readonly wilson95: readonly [number, number];
    readonly promoted: boolean;
  }[];
}

export interface DaemonState {
  readonly software: string;
  readonly startedAt: number;
  readonly rig: string;
  readonly task: TaskName;
  readonly mode: DaemonMode;
  /** One line for people: what is happening, or why nothing is. */
  readonly line: string;
  /** A change of mode or backend is under way. */
  readonly changing: boolean;
  readonly arms: ArmState;
  readonly backend: Backend;
  readonly backends: readonly Choice<Backend>[];
  readonly modes: readonly Choice<DaemonMode>[];
  readonly emergencyStop: {
    readonly by: string;
    readonly at: number;
    /** Whether the motors themselves say that they hold; absent: they have not answered yet. */
    readonly holds?: boolean;
  } | null;
  readonly cameras: readonly string[];
  /** Of the cameras that have been calibrated, by name. */
  readonly intrinsics: Readonly<Record<string, Intrinsics>>;
  /** Whether the task itself tells successes; otherwise only a person does, by labels. */
  readonly judges: boolean;
  /** Largest speed that any joint may be told [rad/s]. */
  readonly velocityRadPerS: number;
  readonly loop: LoopState;
  /** Real cameras; empty where pictures are drawn. */
  readonly webcams: readonly CameraHealth[];
  /** Of a connected robot with servos, arm after arm; empty otherwise. */
  readonly servos: readonly ServoHealth[];
  readonly children: readonly ChildState[];
  /** The run in progress or, when idle, the last one. */
  readonly run: RunState | null;
  readonly learning: LearningState | null;
  readonly episodeFolder: string;
}

/** What the API server adds: who is connected. */
export interface ServedState extends DaemonState {
  readonly control: { readonly client: number; readonly name: string } | null;
  readonly clients: number;
}

/** One line of the list of recorded episodes. */
export interface RecordedEpisode {
  /** Also of its thumbnail, `/episodes/NAME.jpg` (of the daemon's own folder). */
  readonly name: string;
  readonly path: string;
  readonly task: string;
  readonly source: string;
  readonly seed: number;
  readonly steps: number;
  readonly maxReward: number;
  readonly recordedAt: number;
  /** A person's verdict where there is one, else the task's own; null: neither. */
  readonly success: boolean | null;
  /** Why it is not to be learned from. */
  readonly rejected?: string;
  /** Absent: nobody labelled it. */
  readonly label?: { readonly note: string; readonly at: string };
}
