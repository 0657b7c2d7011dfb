/** What the `finetune` verb asks for, and what it is told. */
import type { Rig } from '../config/rig.js';
import type { EpisodeJudge, SceneReset } from '../contract/judging.js';
import type { StoredEvaluation } from './finetuneRun.js';

export interface FinetuneRequest {
  readonly rig: Rig;
  /** Checkpoint folder with its weights, as `alohad train` writes it. */
  readonly policy: string;
  /** Folder of demonstrations. */
  readonly demonstrations: string;
  /** The first so many demonstrations only. */
  readonly count?: number;
  /** YAML file; defaults when absent. */
  readonly config?: string;
  /** Settings that take the place of the file's. */
  readonly overrides: Readonly<Record<string, unknown>>;
  readonly out: string;
  readonly resume?: true;
  readonly workers: number;
  readonly threads: number;
  /** Stops before the roll-out that would begin later than this [s]. */
  readonly budgetS?: number;
  /** Stops when an evaluation reaches this share of success. */
  readonly target?: number;
  /** Who judges episodes and puts the scene back, at the pace of the clock; the simulator, as fast as it can, when absent. */
  readonly judging?: { readonly judge: EpisodeJudge; readonly reset: SceneReset };
  /** Gives way to every other process: a control loop may be running beside it. */
  readonly background?: true;
}

export interface FinetuneReport {
  readonly algorithm: string;
  readonly seed: number;
  readonly rollouts: number;
  readonly interrupted: boolean;
  readonly evaluations: readonly StoredEvaluation[];
  readonly deployed: string;
  /** The page that tells all of it. */
  readonly page: string;
  readonly out: string;
}
