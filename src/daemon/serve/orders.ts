/** What crosses between the daemon's main thread and its control thread. */
import type { Move } from '../../contract/api.js';
import type { Rig } from '../../config/rig.js';
import type { ArmState } from '../../contract/apiState.js';
import type { PolicyManifest } from '../../contract/checkpoint.js';
import type { StartPose } from '../../contract/task.js';
import type { WorldOptions } from '../../simulation/world.js';
import type { EpisodeResult, RecordChoice, SourceChoice } from '../controlJob.js';
import type { ToldCell, ToldLoop } from './toldState.js';

/** Who acts in an episode. A policy's network runs in a thread that the main thread watches. */
export type ServedSource =
  | Exclude<SourceChoice, { kind: 'policy' }>
  | {
      readonly kind: 'policy';
      readonly folder: string;
      readonly manifest: PolicyManifest;
      readonly block: SharedArrayBuffer;
    };

/** `stopped`: it was ended from outside, or by an emergency stop; `again`: a person wants it played again. */
export type EpisodeEnd = EpisodeResult | 'stopped' | 'again';

export interface EpisodeOrder {
  readonly rig: Rig;
  readonly source: ServedSource;
  readonly start: StartPose;
  readonly record?: RecordChoice;
  readonly steps: number;
}

export type Order =
  /** Takes the place of the robot before, if any: it is parked, limp and closed first. */
  | {
      readonly kind: 'connect';
      readonly rig: Rig;
      /** A person wants the arms before limp, also where they cannot be parked. */
      readonly limp?: true;
    }
  /** Torque on where the arms are. */
  | { readonly kind: 'hold' }
  /** Disconnects as below, then restarts the servos of a bus that have shut down, and says which. */
  | { readonly kind: 'reboot'; readonly rig: Rig; readonly arm: string }
  /** The emergency stop was cleared by a person. */
  | { readonly kind: 'reset' }
  /** Parks, then torque off; arms that cannot be parked stay stiff. */
  | { readonly kind: 'disconnect' }
  | { readonly kind: 'episode'; readonly episode: EpisodeOrder }
  /** Does what moves ask, until it is aborted. */
  | { readonly kind: 'remote' };

export type ToControl =
  | { readonly kind: 'order'; readonly id: number; readonly order: Order }
  /** For the remote order in progress; nothing otherwise. */
  | { readonly kind: 'move'; readonly moves: readonly Move[] }
  /** For whichever robot is connected, from the next tick on. */
  | { readonly kind: 'limit'; readonly velocityRadPerS: number };

/** What a thread that shows real cameras to people needs: frames as they are captured. */
export interface CapturedView {
  readonly kind: 'captured';
  /** Rings by camera; see realtime/frameRing.ts. */
  readonly rings: readonly { readonly camera: string; readonly ring: SharedArrayBuffer }[];
}

export type CameraView = SimulatedView | CapturedView;

/** What a thread that draws the world for people needs. */
export interface SimulatedView {
  readonly kind: 'sim';
  readonly world: WorldOptions;
  /** Physics states; see realtime/sharedSample.ts. */
  readonly states: SharedArrayBuffer;
}

export type FromControl =
  | { readonly kind: 'ready'; readonly fifo?: string }
  | { readonly kind: 'done'; readonly id: number; readonly result?: EpisodeEnd }
  | {
      readonly kind: 'failed';
      readonly id: number;
      readonly name: string;
      readonly message: string;
      readonly exitCode: number;
      /** A bug rather than a refusal: its stack is for the log. */
      readonly stack?: string;
    }
  | { readonly kind: 'arms'; readonly arms: ArmState }
  /** What the motors answered to an emergency stop. */
  | { readonly kind: 'stopped'; readonly holds: boolean; readonly text: string }
  | { readonly kind: 'connected'; readonly told: ToldCell; readonly view?: CameraView }
  | { readonly kind: 'statistics'; readonly told: ToldLoop }
  /** What a person has to do now, or can know of the episode that has ended. */
  | { readonly kind: 'instruction'; readonly text: string }
  | { readonly kind: 'warning'; readonly text: string };
