/**
 * The Robot interface: what the control loop knows of a robot, simulated or real.
 *
 * It is not a motion planner and does not limit commands: `control/limits.ts` is the one caller of `command`,
 * and every goal passes through it.
 */
import type { ImageSource } from './camera.js';
import type { ServoHealth } from './servoHealth.js';

/** Arms of the bimanual robot, in the order in which they appear in every 14-vector. */
export const ARMS = ['left', 'right'] as const;
export type Arm = (typeof ARMS)[number];

/** Joints of one arm, in order; the gripper is normalised (0 closed, 1 open), the others are in rad. */
export const ARM_JOINTS = [
  'waist',
  'shoulder',
  'elbow',
  'forearm_roll',
  'wrist_angle',
  'wrist_rotate',
  'gripper',
] as const;

/** Length of qpos, qvel, effort and action. */
export const DOF = ARMS.length * ARM_JOINTS.length;

/** Names of the 14 entries: `left_waist`, ..., `right_gripper`. */
export const JOINT_NAMES: readonly string[] = ARMS.flatMap((arm) =>
  ARM_JOINTS.map((joint) => `${arm}_${joint}`),
);

/** Whether entry `index` of a 14-vector is a gripper (normalised) rather than a joint angle (rad). */
export const isGripper = (index: number): boolean => index % ARM_JOINTS.length === ARM_JOINTS.length - 1;

/** Control period of ALOHA [s]; source: gym-aloha constants.py (DT). */
export const CONTROL_PERIOD_S = 0.02;

/** Start pose of one arm: rad, then gripper closed; source: gym-aloha constants.py (START_ARM_POSE). */
export const ARM_START_POSE: readonly number[] = [0, -0.96, 1.16, 0, -0.3, 0, 0];

export type Backend = 'sim' | 'real' | 'emulated' | 'ros';

/** A proprioceptive sample. Arrays are owned by the robot and overwritten by the next `observe`; copy what you keep. */
export interface Observation {
  /** Control steps since the last reset (sim) or activation (real). */
  readonly step: number;
  /** Monotonic time (`performance.now()`) at which the joints were measured [ms]. */
  readonly timeMs: number;
  /** Joint positions: rad, grippers normalised. Shape (14,). */
  readonly qpos: Float64Array;
  /** Joint velocities: rad/s, grippers 1/s. Shape (14,). */
  readonly qvel: Float64Array;
  /** Actuator effort: N m in simulation, normalised current on servos. Shape (14,). */
  readonly effort: Float64Array;
  /** Simulation only: poses of the task's objects (x y z, w x y z each) [m]. Empty on a real robot. */
  readonly environmentState: Float64Array;
}

/** Arrays for `observe` to fill, of a robot that knows no objects around it. */
export const newObservation = () => ({
  step: 0,
  timeMs: 0,
  qpos: new Float64Array(DOF),
  qvel: new Float64Array(DOF),
  effort: new Float64Array(DOF),
  environmentState: new Float64Array(),
});

export interface Robot {
  readonly backend: Backend;
  /** Cameras of this robot; images are taken only when asked for. */
  readonly images: ImageSource;
  /** Its joints come as messages of the loop's own thread, which has to see them in every tick. */
  readonly hearsThread?: boolean;
  /** Opens the hardware with torque off. Throws a named error that says what to do. */
  connect(): Promise<void>;
  /** Torque on, at the present position. The only way to make the arms stiff. */
  activate(): Promise<void>;
  /** Reads joints. Safe in the loop: does not allocate or wait beyond the bus cycle. */
  observe(): Observation;
  /** Sends goal positions, shape (14,), and lets one control period begin. Safe in the loop. */
  command(goal: Float64Array): void;
  /** Keeps the arms where they are. Safe at any time, also after a fault. */
  hold(): void;
  /**
   * Closes everything, torque off unless the arms are to stay `stiff`. Safe to call twice. Throws only when somebody else
   * has the motors and did not take their torque off: a person has to know.
   */
  disconnect(leave?: 'limp' | 'stiff'): Promise<void>;
  /**
   * Asks the motors themselves, after `hold`: have they torque, and is their goal where they were told to stay? Throws a
   * named error that says which does not hold. Absent: there are no motors to ask.
   */
  confirmHold?(): Promise<void>;
  /** How its servos are, at any time; none while not connected. Absent: it has no servos. Not for the loop. */
  health?(): readonly ServoHealth[];
}
