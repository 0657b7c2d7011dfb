/** What a failure is called. One episode has one: the first thing that went wrong. */

/** In the order in which they stand in reports: from the beginning of an episode to its end. */
export const FAILURE_KINDS = [
  'nothing grasped',
  'peg not grasped',
  'socket not grasped',
  'cube not grasped',
  'peg dropped',
  'socket dropped',
  'cube dropped',
  'timed out before contact',
  'not handed over',
  'peg high',
  'peg low',
  'peg left',
  'peg right',
  'peg tilted',
  'peg short of the pin',
  /** The episode does not say where the objects were: it is not of the simulator. */
  'unknown',
] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

/** How a peg stands to a socket. Directions are those of one who looks along the peg into the socket. */
export interface Fit {
  /** How far the peg's tip is above the socket's axis [m]; below is negative. */
  readonly highM: number;
  /** How far the tip is to the left of the axis [m]; to the right is negative. */
  readonly leftM: number;
  /** How far the tip is past the socket's mouth [m]; before it is negative. */
  readonly depthM: number;
  /** Angle between the axes of peg and socket [rad]. */
  readonly tiltRad: number;
}

export interface Failure {
  readonly kind: FailureKind;
  /** The same for people, with numbers. */
  readonly text: string;
  /** Control step at which it shows. */
  readonly step: number;
  /** Peg and socket at that step, where both were in their hands. */
  readonly fit?: Fit;
}
