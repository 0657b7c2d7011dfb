/** From waypoints of the two grip points to 14 joint goals per control step. */
import { ARMS, ARM_JOINTS, ARM_START_POSE, CONTROL_PERIOD_S, DOF, type Arm } from '../../contract/robot.js';
import { gripperOpening, START_FINGER_M } from '../gripper.js';
import { axisRotation, MOUNTS, multiply, solveArm, type Pose, type Vector } from '../kinematics.js';

/** One leg of a hand's way. Fingers start towards `gripper` at its beginning, as fast as they may. */
interface Leg {
  /** Control steps. */
  readonly steps: number;
  /** Opening to command: 0 closed, 1 open. */
  readonly gripper: number;
}

/** A leg that ends somewhere else. */
export interface Move extends Leg {
  /** `line`: straight in space; `swing`: straight in joint angles, for free motion. */
  readonly path: 'line' | 'swing';
  /** Grip point in the world [m]. */
  readonly position: Vector;
  /** How far the gripper points down [rad]: 0 is level. */
  readonly pitch: number;
  /** Turn of the gripper about its own axis [rad]; 0 when absent. */
  readonly roll?: number;
  /** How much of the noise this end may have: 1 in free space, less near objects. */
  readonly slack: number;
}

/** A leg in which the hand stays and only its fingers move. */
export interface Stay extends Leg {
  readonly path: 'stay';
}

export type Waypoint = Move | Stay;

type Place = Pick<Move, 'position' | 'pitch' | 'roll'>;

/** The grip frame of a hand that looks away from its arm's base. */
const handPose = (arm: Arm, { position, pitch, roll = 0 }: Place): Pose => ({
  position,
  rotation: multiply(
    multiply(axisRotation('z', MOUNTS[arm].yaw), axisRotation('y', pitch)),
    axisRotation('x', roll),
  ),
});

/**
 * Joint goals of `steps` control steps, (steps, 14) row-major, from the start pose through the waypoints of each arm.
 * Every leg begins and ends at rest with continuous acceleration. Throws UnreachableError.
 */
export function planMotion(
  waypoints: Readonly<Record<Arm, readonly Waypoint[]>>,
  steps: number,
): Float64Array {
  const goals = new Float64Array(steps * DOF);
  ARMS.forEach((arm, armIndex) => {
    let step = 0;
    for (const goal of armGoals(arm, waypoints[arm])) {
      if (step === steps) break;
      goals.set(goal, step * DOF + armIndex * ARM_JOINTS.length);
      step += 1;
    }
  });
  return goals;
}

/** Seven goals per control step; after the last waypoint, the last ones for ever. */
function* armGoals(arm: Arm, waypoints: readonly Waypoint[]): Generator<readonly number[]> {
  let joints = ARM_START_POSE.slice(0, -1);
  let gripper = gripperOpening(START_FINGER_M);
  let place: Place | undefined;
  for (const leg of waypoints) {
    const begin = joints;
    const from = place;
    for (let i = 1; i <= leg.steps; i += 1) {
      const t = minimumJerk(i / leg.steps);
      gripper += Math.min(Math.max(leg.gripper - gripper, -GRIPPER_STEP), GRIPPER_STEP);
      if (leg.path === 'line' && from) joints = solveArm(arm, handPose(arm, between(from, leg, t)), joints);
      else if (leg.path !== 'stay') {
        const end = solveArm(arm, handPose(arm, leg), WRIST_UP);
        joints = begin.map((angle, k) => mix(angle, end[k]!, t));
      }
      yield [...joints, gripper];
    }
    if (leg.path !== 'stay') place = leg;
  }
  for (;;) yield [...joints, gripper];
}

/**
 * Fastest change of a gripper's goal per control step: the servo turns at pi rad/s and has 2.11 rad from closed to open
 * (source: tonyzhaozh/aloha constants.py, PUPPET_GRIPPER_JOINT_OPEN and _CLOSE).
 */
const GRIPPER_STEP = (Math.PI / (1.491 + 0.6213)) * CONTROL_PERIOD_S;

/** Of the two ways to turn the wrist, the experts work with the one near this: wrist bent down, little roll. */
const WRIST_UP: readonly number[] = [0, -0.5, 0.8, 0, 0.6, 0];

const between = (a: Place, b: Place, t: number): Place => ({
  position: [
    mix(a.position[0], b.position[0], t),
    mix(a.position[1], b.position[1], t),
    mix(a.position[2], b.position[2], t),
  ],
  pitch: mix(a.pitch, b.pitch, t),
  roll: mix(a.roll ?? 0, b.roll ?? 0, t),
});

const mix = (a: number, b: number, t: number): number => a + (b - a) * t;

/** Goes from 0 to 1 with zero speed and acceleration at both ends. */
const minimumJerk = (t: number): number => t ** 3 * (10 - 15 * t + 6 * t ** 2);
