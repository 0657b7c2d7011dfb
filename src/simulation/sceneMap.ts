/** Where the robot, the task's objects and the cameras are inside a loaded model. */
import { CAMERAS, type CameraName } from '../contract/camera.js';
import { SceneError } from '../contract/errors.js';
import { ARMS, ARM_JOINTS } from '../contract/robot.js';
import { REWARD_RULES } from './rewards.js';
import { CAMERA_NAMES, jointNames, OBJECT_JOINTS, type Names } from './sceneNames.js';
import type { MainModule, MjModel } from '@mujoco/mujoco';
import type { PhysicsModel } from './mujocoArrays.js';
import type { TaskName } from '../contract/task.js';

/** One entry of the 14-vectors: where its joint is, and which actuators drive it. */
export interface JointMap {
  /** Index into qpos. */
  readonly position: number;
  /** Index into qvel. */
  readonly velocity: number;
  /** Index into ctrl and actuator_force. */
  readonly actuator: number;
  readonly isGripper: boolean;
  /** Gripper only: the opposite finger, which moves by the negative amount. */
  readonly mirror?: { readonly position: number; readonly actuator: number };
}

export interface SceneMap {
  /** The 14 joints, in the order of `JOINT_NAMES`. */
  readonly joints: readonly JointMap[];
  /** Index into qpos of each object's free joint (7 numbers), and into qvel (6 numbers). */
  readonly objects: readonly { readonly position: number; readonly velocity: number }[];
  /** The scene's own name of each rig camera that it has. */
  readonly cameras: ReadonlyMap<CameraName, string>;
  /** `pairs[a * ngeom + b]`: bits of the touches that a contact of geoms a and b counts for, in either order. */
  readonly pairs: Uint8Array;
}

/** Finds everything of `task` in the model. Throws SceneError listing all that is missing, with the accepted names. */
export function mapScene(mujoco: MainModule, model: MjModel, task: TaskName, scene: string): SceneMap {
  const { jnt_qposadr: positions, jnt_dofadr: velocities }: PhysicsModel = model;
  const object = mujoco.mjtObj;
  const missing: string[] = [];
  const find = (kind: string, type: number, names: Names): number => {
    const id = names.map((name) => mujoco.mj_name2id(model, type, name)).find((found) => found >= 0);
    if (id === undefined) missing.push(`${kind} ${names.map((name) => `"${name}"`).join(' or ')}`);
    return id ?? -1;
  };
  const joint = (names: Names): number => find('joint', object.mjOBJ_JOINT.value, names);
  const actuated = (names: Names): { position: number; velocity: number; actuator: number } => {
    const id = joint(names);
    const actuator = id < 0 ? -1 : actuatorOf(mujoco, model, id);
    if (id >= 0 && actuator < 0)
      missing.push(`position actuator of joint ${names.map((name) => `"${name}"`).join(' or ')}`);
    return { position: positions[id]!, velocity: velocities[id]!, actuator };
  };

  const joints = ARMS.flatMap((arm) =>
    ARM_JOINTS.map((name): JointMap => {
      if (name !== 'gripper') return { ...actuated(jointNames(arm, name)), isGripper: false };
      const finger = actuated(jointNames(arm, 'left_finger'));
      return { ...finger, isGripper: true, mirror: actuated(jointNames(arm, 'right_finger')) };
    }),
  );
  const objects = OBJECT_JOINTS[task].map((names) => {
    const id = joint(names);
    return { position: positions[id]!, velocity: velocities[id]! };
  });
  const pairs = new Uint8Array(model.ngeom * model.ngeom);
  const geom = (names: Names): number => find('geom', object.mjOBJ_GEOM.value, names);
  Object.values(REWARD_RULES[task].touches).forEach((touch, bit) => {
    for (const a of touch.a.map(geom)) {
      for (const b of touch.b.map(geom)) {
        pairs[a * model.ngeom + b]! |= 1 << bit;
        pairs[b * model.ngeom + a]! |= 1 << bit;
      }
    }
  });
  if (missing.length > 0) {
    throw new SceneError(
      `The scene ${scene} cannot be used for ${task}. It lacks:\n  ${[...new Set(missing)].join('\n  ')}\n` +
        'Add them, or name them so (urdf/mjcf/scene.xml is an example).',
    );
  }
  const cameras = new Map<CameraName, string>();
  for (const camera of CAMERAS) {
    const name = CAMERA_NAMES[camera]!.find(
      (candidate) => mujoco.mj_name2id(model, object.mjOBJ_CAMERA.value, candidate) >= 0,
    );
    if (name !== undefined) cameras.set(camera, name);
  }
  return { joints, objects, cameras, pairs };
}

/** The actuator that drives joint `id`, or -1. Public scenes leave actuators unnamed, so it is found by what it drives. */
function actuatorOf(mujoco: MainModule, model: PhysicsModel, id: number): number {
  for (let i = 0; i < model.nu; i += 1) {
    if (model.actuator_trntype[i] === mujoco.mjtTrn.mjTRN_JOINT.value && model.actuator_trnid[2 * i] === id)
      return i;
  }
  return -1;
}
