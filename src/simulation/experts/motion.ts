/** From waypoints of the two grip points to 14 joint goals per control step. */
import { ARMS, ARM_JOINTS, ARM_START_POSE, DOF, type Arm } from '../../contract/robot.js';
import { axisRotation, MOUNTS, multiply, solveArm, type Pose, type Vector } from '../kinematics.js';

/** Where one hand is to be, and when. */
export interface Waypoint {
  /** Control steps from the waypoint before. */
  readonly steps: number;
  /** Grip point in the world [m]. */
  readonly position: Vector;
  /** How far the gripper points down [rad]: 0 is level. */
  readonly pitch: number;
  /** Turn of the gripper about its own axis [rad]; 0 when absent. */
  readonly roll?: number;
  /** Commanded opening, set at once when the segment begins: fingers are moved decisively. */
  readonly gripper: number;
  /** `line`: straight in space; `swing`: straight in joint angles, for free motion. */
  readonly path: 'line' | 'swing';
}

/** The grip frame of a hand that looks away from its arm's base. */
export const handPose = (
  arm: Arm,
  { position, pitch, roll = 0 }: Pick<Waypoint, 'position' | 'pitch' | 'roll'>,
): Pose => ({
  position,
  rotation: multiply(
    multiply(axisRotation('z', MOUNTS[arm].yaw), axisRotation('y', pitch)),
    axisRotation('x', roll),
  ),
});

/**
 * Joint goals of `steps` control steps, (steps, 14) row-major, from the start pose through the waypoints of each arm.
 * Every segment begins and ends at rest with continuous acceleration. Throws UnreachableError.
 */
export function planMotion(
  waypoints: Readonly<Record<Arm, readonly Waypoint[]>>,
  steps: number,
): Float64Array {
  const goals = new Float64Array(steps * DOF);
  ARMS.forEach((arm, armIndex) => {
    const gripperIndex = ARM_JOINTS.length - 1;
    let joints: readonly number[] = ARM_START_POSE.slice(0, gripperIndex);
    let gripper = ARM_START_POSE[gripperIndex]!;
    let step = 0;
    let from: Waypoint | undefined;
    const put = (): void => {
      if (step < steps) goals.set([...joints, gripper], step * DOF + armIndex * ARM_JOINTS.length);
      step += 1;
    };
    for (const to of waypoints[arm]) {
      const begin = joints;
      const end = solveArm(arm, handPose(arm, to), WRIST_UP);
      gripper = to.gripper;
      for (let i = 1; i <= to.steps; i += 1) {
        const progress = minimumJerk(i / to.steps);
        joints =
          to.path === 'line' && from
            ? solveArm(arm, handPose(arm, between(from, to, progress)), joints)
            : begin.map((angle, k) => mix(angle, end[k]!, progress));
        put();
      }
      from = to;
    }
    while (step < steps) put();
  });
  return goals;
}

/** Of the two ways to turn the wrist, the experts work with the one near this: wrist bent down, little roll. */
const WRIST_UP: readonly number[] = [0, -0.5, 0.8, 0, 0.6, 0];

const between = (a: Waypoint, b: Waypoint, t: number): Pick<Waypoint, 'position' | 'pitch' | 'roll'> => ({
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
