/**
 * What things are called in a scene. Our own scenes use the first name of each list; the others are those of the
 * public ALOHA scenes (huggingface/gym-aloha and act-plus-plus `vx300s_left/waist`, mujoco_menagerie `left/waist`),
 * so that they load unchanged.
 */
import type { CameraName } from '../contract/camera.js';
import type { Arm } from '../contract/robot.js';
import type { TaskName } from '../contract/task.js';

/** Accepted names of one thing, ours first. */
export type Names = readonly string[];

/** Names of a joint of one arm; `joint` is an arm joint other than the gripper, or `left_finger`, `right_finger`. */
export const jointNames = (arm: Arm, joint: string): Names => [
  `${arm}_${joint}`,
  `vx300s_${arm}/${joint}`,
  `${arm}/${joint}`,
];

/** Names of the geom of one finger of one arm. */
export const fingerGeomNames = (arm: Arm, finger: Arm): Names => [
  `${arm}_${finger}_finger`,
  `vx300s_${arm}/10_${finger}_gripper_finger`,
];

/** The camera of a rig, and what scenes call it. */
export const CAMERA_NAMES: Readonly<Record<CameraName, Names>> = {
  cam_high: ['cam_high', 'top', 'overhead_cam'],
  cam_low: ['cam_low', 'front_close', 'worms_eye_cam'],
  cam_left_wrist: ['cam_left_wrist', 'left_cam_wrist', 'left_wrist', 'wrist_cam_left'],
  cam_right_wrist: ['cam_right_wrist', 'right_cam_wrist', 'right_wrist', 'wrist_cam_right'],
};

/** Free joints of each task's objects, in the order of `environmentState` and of start poses. */
export const OBJECT_JOINTS: Readonly<Record<TaskName, readonly Names[]>> = {
  insertion: [
    ['red_peg_joint', 'peg_joint'],
    ['blue_socket_joint', 'socket_joint'],
  ],
  transfer_cube: [['red_box_joint', 'box_joint']],
};
