/**
 * A robot together with what stands around it, as a control thread uses it: who judges, who puts the scene back, and
 * the physics, where there is a simulation. Everything but the robot may be absent; `backends.ts` makes them.
 */
import type { Robot } from '../contract/robot.js';
import type { Webcams } from '../hardware/webcam/webcams.js';
import type { Judge, StartPose } from '../contract/task.js';

/** Moves the arms slowly somewhere; false when something stopped it. */
export type SlowMove = () => Promise<boolean>;

export interface Workcell {
  readonly robot: Robot;
  /** Rewards of the present moment. Absent: nobody gives them. */
  readonly judge?: Judge;
  /** Of the simulation that the robot stands in, as long as it is connected. Absent: it stands in a room. */
  readonly physics?: CellPhysics;
  /** Its cameras, where they are real: frames are recorded as they come. */
  readonly webcams?: Webcams | undefined;
  /** Goes back into the past, which only a simulation of our own pace can. */
  readonly past?: CellPast;
  /**
   * Puts the scene back and counts steps from 0: the next tick is the first of an episode. Where arms cannot be put
   * anywhere, `toStart` moves them to where the episode begins. False when that was stopped.
   */
  begin(start: StartPose, toStart: SlowMove): Promise<boolean>;
  /** Whether torque may go off: nothing would fall, or `toRest` has brought the arms to where nothing does. */
  park(toRest: SlowMove): Promise<boolean>;
  /** Ends what was started for this cell, once the robot is disconnected. Safe to call twice. */
  close(): Promise<void>;
}

/** Physics of which others may draw or record the present state. */
export interface CellPhysics {
  /** Identifies the scene: hash of the contents of all its files, hex. */
  readonly sceneSha256: string;
  /** Numbers of a physics state, and of the objects' poses in an observation. */
  readonly stateSize: number;
  readonly environmentStateSize: number;
  /** Copies the present physics state, of length `stateSize`. Safe in the loop. */
  getState(state: Float64Array): void;
}

export interface CellPast {
  /** Goes on from a recorded physics state of an episode from `start`. */
  restore(physicsState: Float64Array, start: StartPose): void;
  /** The goal in force: (14,). Borrowed. */
  readonly goal: Float64Array;
}
