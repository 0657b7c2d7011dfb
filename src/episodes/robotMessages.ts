/** What a recording and a live viewer are told of the robot, as ROS 2 messages. */
import type { CameraName } from '../contract/camera.js';
import { ARM_JOINTS, ARMS, type Arm } from '../contract/robot.js';
import { rosTime, type CompressedImage, type JointState } from './rosMessages.js';

/** Arrays of shape (14,): rad, grippers normalised; rad/s; effort. */
interface Joints {
  readonly qpos: Float64Array;
  readonly qvel: Float64Array;
  readonly effort: Float64Array;
}

/** Joint states of one arm as measured at `timeNs`. Its arrays are views. */
export const observedJoints = (arm: Arm, timeNs: bigint, { qpos, qvel, effort }: Joints): JointState => ({
  ...named(arm, timeNs),
  position: partOf(arm, qpos),
  velocity: partOf(arm, qvel),
  effort: partOf(arm, effort),
});

/** Goals of one arm, sent at `timeNs`. Its array is a view. */
export const commandedJoints = (arm: Arm, timeNs: bigint, goal: Float64Array): JointState => ({
  ...named(arm, timeNs),
  position: partOf(arm, goal),
  velocity: [],
  effort: [],
});

export const jpegImage = (camera: CameraName, timeNs: bigint, data: Uint8Array): CompressedImage => ({
  header: { stamp: rosTime(timeNs), frame_id: camera },
  format: 'jpeg',
  data,
});

const named = (arm: Arm, timeNs: bigint) => ({
  header: { stamp: rosTime(timeNs), frame_id: '' },
  name: ARM_JOINTS.map((joint) => `${arm}_${joint}`),
});

function partOf(arm: Arm, values: Float64Array): Float64Array {
  const first = ARMS.indexOf(arm) * ARM_JOINTS.length;
  return values.subarray(first, first + ARM_JOINTS.length);
}
