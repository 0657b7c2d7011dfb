/** One arm's part of a 14-vector as the ALOHA stack tells it: 7 joints, then both fingers [m]. */
import { ARM_JOINTS } from '../contract/robot.js';
import type { RosGripper } from './gripper.js';
import type { RosMessage, RosTime } from './rosPort.js';

const NAMES = [...ARM_JOINTS, 'left_finger', 'right_finger'];
const GRIPPER = ARM_JOINTS.length - 1;

/** sensor_msgs/JointState with 9 entries; `qpos`, `qvel` and `effort` have shape (7,). */
export function jointState(
  stamp: RosTime,
  qpos: Float32Array,
  qvel: Float32Array,
  effort: Float32Array,
  gripper: RosGripper,
): RosMessage {
  const [opening, rate] = [qpos[GRIPPER]!, qvel[GRIPPER]!];
  const [finger, fingerRate] = [gripper.fingerOf(opening), rate * gripper.fingerTravelM];
  const angles = (values: Float32Array): Float32Array => values.subarray(0, GRIPPER);
  return {
    header: { stamp, frame_id: '' },
    name: NAMES,
    position: Float64Array.of(...angles(qpos), gripper.motorOf(opening), finger, -finger),
    velocity: Float64Array.of(...angles(qvel), rate * gripper.motorTravel, fingerRate, -fingerRate),
    effort: Float64Array.of(...effort, 0, 0),
  };
}
