/**
 * Where the grip point of a ViperX 300s is for given joint angles, and which joint angles put it at a given place.
 *
 * The last three axes of the arm meet in one point, so the inverse is solved in closed form: the wrist's place gives
 * waist, shoulder and elbow, the orientation left over gives forearm roll, wrist angle and wrist rotate.
 */
import { AlohadError } from '../contract/errors.js';
import type { Arm } from '../contract/robot.js';

/** [m], or a direction. */
export type Vector = readonly [number, number, number];
/** 3 x 3, row-major. */
export type Rotation = readonly [number, number, number, number, number, number, number, number, number];

/** A frame in the world: x points out of the gripper, y from the right finger to the left. */
export interface Pose {
  readonly position: Vector;
  readonly rotation: Rotation;
}

/** No joint angles within limits put the grip point there. */
export class UnreachableError extends AlohadError {}

interface Link {
  readonly joint: string;
  readonly axis: 'x' | 'y' | 'z';
  /** From the frame before, at zero angle [m]. */
  readonly offset: Vector;
  /** Joint limits [rad]. */
  readonly range: readonly [number, number];
}

/** The chain; source: interbotix vx300s.urdf.xacro, limits as in gym-aloha vx300s_left.xml. */
export const VX300S: readonly Link[] = [
  { joint: 'waist', axis: 'z', offset: [0, 0, 0.079], range: [-3.14158, 3.14158] },
  { joint: 'shoulder', axis: 'y', offset: [0, 0, 0.04805], range: [-1.85005, 1.25664] },
  { joint: 'elbow', axis: 'y', offset: [0.05955, 0, 0.3], range: [-1.76278, 1.6057] },
  { joint: 'forearm_roll', axis: 'x', offset: [0.2, 0, 0], range: [-3.14158, 3.14158] },
  { joint: 'wrist_angle', axis: 'y', offset: [0.1, 0, 0], range: [-1.8675, 2.23402] },
  { joint: 'wrist_rotate', axis: 'x', offset: [0.069744, 0, 0], range: [-3.14158, 3.14158] },
];

/** From the last joint's frame to the point between the finger tips [m]; site `grip` of vx300s.xml. */
export const GRIP_M = 0.135;

/** Where the arms stand on the table [m] and which way they look [rad]; source: gym-aloha vx300s_left.xml, _right.xml. */
export const MOUNTS: Readonly<Record<Arm, { readonly position: Vector; readonly yaw: number }>> = {
  left: { position: [-0.469, 0.5, 0], yaw: 0 },
  right: { position: [0.469, 0.5, 0], yaw: Math.PI },
};

/** Frame of the grip point in the world for six joint angles [rad]. */
export function gripPose(arm: Arm, joints: ArrayLike<number>): Pose {
  const mount = MOUNTS[arm];
  let rotation = axisRotation('z', mount.yaw);
  let position = mount.position;
  VX300S.forEach((link, i) => {
    position = add(position, rotate(rotation, link.offset));
    rotation = multiply(rotation, axisRotation(link.axis, joints[i]!));
  });
  return { position: add(position, rotate(rotation, [GRIP_M, 0, 0])), rotation };
}

/**
 * Six joint angles [rad] that bring the grip point to `pose`: elbow up, waist towards the target, and of the two ways to
 * turn the wrist the one nearer to `near` (6,). Throws UnreachableError.
 */
export function solveArm(arm: Arm, pose: Pose, near: ArrayLike<number>): number[] {
  const mount = MOUNTS[arm];
  const toBase = axisRotation('z', -mount.yaw);
  const [elbowX, , elbowZ] = VX300S[2]!.offset;
  const upperArm = Math.hypot(elbowX, elbowZ);
  const forearm = VX300S[3]!.offset[0] + VX300S[4]!.offset[0];
  const hand = VX300S[5]!.offset[0] + GRIP_M;
  const shoulderHeight = VX300S[0]!.offset[2] + VX300S[1]!.offset[2];

  // The wrist: a hand's length behind the grip point, seen from the shoulder.
  const tool = multiply(toBase, pose.rotation);
  const grip = rotate(toBase, add(pose.position, scale(mount.position, -1)));
  const wrist = add(grip, rotate(tool, [-hand, 0, 0]));
  const waist = Math.atan2(wrist[1], wrist[0]);
  const reach = Math.hypot(wrist[0], wrist[1]);
  const height = wrist[2] - shoulderHeight;

  // Shoulder and elbow: a triangle of upper arm, forearm and the distance between shoulder and wrist.
  const distance = Math.hypot(reach, height);
  const cosine = (upperArm ** 2 + distance ** 2 - forearm ** 2) / (2 * upperArm * distance);
  if (Math.abs(cosine) > 1)
    throw unreachable(arm, pose, `the wrist would be ${distance.toFixed(3)} m from the shoulder`);
  const lean = Math.atan2(reach, height) - Math.acos(cosine);
  const shoulder = lean - Math.atan2(elbowX, elbowZ);
  const pitch = Math.atan2(upperArm * Math.cos(lean) - height, reach - upperArm * Math.sin(lean));

  // The wrist's two turns and its bend: what is left of the orientation is Rx(roll) Ry(bend) Rx(rotate).
  const rest = multiply(axisRotation('y', -pitch), multiply(axisRotation('z', -waist), tool));
  const solutions = wristAngles(rest, near[3]!).map((angles) => [
    waist,
    shoulder,
    pitch - shoulder,
    ...angles,
  ]);
  const joints = solutions
    .map((solution) => solution.map((angle, i) => nearestTurn(angle, near[i]!)))
    .sort((a, b) => travel(a, near) - travel(b, near))
    .find((solution) => solution.every((angle, i) => withinRange(angle, VX300S[i]!)));
  if (joints === undefined) {
    const over = solutions[0]!.map((angle, i) => `${VX300S[i]!.joint} ${angle.toFixed(2)}`).join(', ');
    throw unreachable(arm, pose, `joint limits forbid ${over} rad`);
  }
  return joints;
}

/** Both solutions of Rx(roll) Ry(bend) Rx(rotate) = m; with a straight wrist the roll is free and stays `roll`. */
function wristAngles(m: Rotation, roll: number): [number, number, number][] {
  const bend = Math.atan2(Math.hypot(m[1], m[2]), m[0]);
  if (bend < 1e-9) return [[roll, 0, Math.atan2(m[7], m[4]) - roll]];
  return [
    [Math.atan2(m[3], -m[6]), bend, Math.atan2(m[1], m[2])],
    [Math.atan2(-m[3], m[6]), -bend, Math.atan2(-m[1], -m[2])],
  ];
}

const unreachable = (arm: Arm, { position }: Pose, why: string): UnreachableError =>
  new UnreachableError(
    `The ${arm} arm cannot reach (${position.map((x) => x.toFixed(3)).join(', ')}) m so oriented: ${why}. Choose a nearer or less tilted pose.`,
  );

const nearestTurn = (angle: number, near: number): number =>
  angle + 2 * Math.PI * Math.round((near - angle) / (2 * Math.PI));
const withinRange = (angle: number, { range }: Link): boolean => angle >= range[0] && angle <= range[1];
const travel = (joints: readonly number[], near: ArrayLike<number>): number =>
  joints.reduce((sum, angle, i) => sum + (angle - near[i]!) ** 2, 0);

/** Rotation by `angle` [rad] about a coordinate axis. */
export function axisRotation(axis: 'x' | 'y' | 'z', angle: number): Rotation {
  const c = Math.cos(angle);
  const s = Math.sin(angle);
  if (axis === 'x') return [1, 0, 0, 0, c, -s, 0, s, c];
  if (axis === 'y') return [c, 0, s, 0, 1, 0, -s, 0, c];
  return [c, -s, 0, s, c, 0, 0, 0, 1];
}

export const multiply = (a: Rotation, b: Rotation): Rotation => {
  const [ax, ay, az, bx, by, bz, cx, cy, cz] = a;
  const row = (x: number, y: number, z: number): Vector => [
    x * b[0] + y * b[3] + z * b[6],
    x * b[1] + y * b[4] + z * b[7],
    x * b[2] + y * b[5] + z * b[8],
  ];
  return [...row(ax, ay, az), ...row(bx, by, bz), ...row(cx, cy, cz)];
};

export const rotate = (m: Rotation, v: Vector): Vector => [
  m[0] * v[0] + m[1] * v[1] + m[2] * v[2],
  m[3] * v[0] + m[4] * v[1] + m[5] * v[2],
  m[6] * v[0] + m[7] * v[1] + m[8] * v[2],
];

export const add = (a: Vector, b: Vector): Vector => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const scale = (a: Vector, s: number): Vector => [a[0] * s, a[1] * s, a[2] * s];
