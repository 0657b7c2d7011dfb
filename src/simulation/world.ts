/**
 * Physics of one scene: two arms, the task's objects, contacts and rewards. No images (`render/`), no clock, no limits.
 *
 * One control step is ten MuJoCo steps of 2 ms, in the order of dm_control's legacy stepping (second half of a step,
 * nine whole steps, first half): what is read afterwards - joint positions, contacts, camera poses - belongs to the
 * new state. Runs are bitwise repeatable.
 */
import type { MainModule, MjData, MjModel } from '@mujoco/mujoco';
import { AlohadError, SceneError, UnknownCameraError, UnknownTaskError } from '../contract/errors.js';
import { ARM_START_POSE, CONTROL_PERIOD_S, DOF } from '../contract/robot.js';
import { TASKS, type StartPose, type TaskName } from '../contract/task.js';
import { fingerPosition, gripperOpening, gripperRate, START_FINGER_M } from './gripper.js';
import { REWARD_RULES, type Touching } from './rewards.js';
import { mountScene, ownScene } from './sceneFiles.js';
import { mapScene, type SceneMap } from './sceneMap.js';
import type { PhysicsData } from './mujocoArrays.js';
import { mujocoOfThisThread } from './mujoco.js';
import type { CameraName } from '../contract/camera.js';

export interface WorldOptions {
  readonly task: TaskName;
  /** An MJCF file; our own scene of the task when absent. */
  readonly scene?: string;
}

/** Arrays that `observe` fills: (14,) each, and 7 numbers per object. */
export interface WorldSample {
  readonly qpos: Float64Array;
  readonly qvel: Float64Array;
  readonly effort: Float64Array;
  readonly environmentState: Float64Array;
}

/** Positions, velocities or accelerations grew beyond all bounds. */
export class UnstableError extends AlohadError {}

export class World {
  readonly task: TaskName;
  readonly mujoco: MainModule;
  readonly model: MjModel;
  readonly data: MjData;
  /** Cameras that this scene has. */
  readonly cameras: readonly CameraName[];
  /** Identifies the scene: hash of the contents of all its files, hex. */
  readonly sceneSha256: string;
  /** Numbers of a full physics state; see `getState`. */
  readonly stateSize: number;
  readonly #scene: string;
  readonly #map: SceneMap;
  readonly #substeps: number;

  /** Loads a scene. Throws UnknownTaskError, SceneError. */
  static async load(options: WorldOptions): Promise<World> {
    if (!TASKS.includes(options.task)) {
      throw new UnknownTaskError(`There is no task "${options.task}". Tasks are: ${TASKS.join(', ')}.`);
    }
    return new World(await mujocoOfThisThread(), options);
  }

  private constructor(mujoco: MainModule, { task, scene = ownScene(task) }: WorldOptions) {
    this.task = task;
    this.mujoco = mujoco;
    this.#scene = scene;
    const { path, sha256 } = mountScene(mujoco, scene);
    this.sceneSha256 = sha256;
    this.model = compile(mujoco, scene, path);
    try {
      this.#map = mapScene(mujoco, this.model, task, scene);
      this.#substeps = substeps(this.model, scene);
    } catch (error) {
      this.model.delete();
      throw error;
    }
    this.data = new mujoco.MjData(this.model);
    this.cameras = [...this.#map.cameras.keys()];
    this.stateSize = this.model.nq + 2 * this.model.nv + this.model.nu + this.model.na + 1;
  }

  /** Length of `environmentState`: 7 per object. */
  get environmentStateSize(): number {
    return this.#map.objects.length * 7;
  }

  /** Arrays for `observe`. */
  newSample(): WorldSample {
    return {
      qpos: new Float64Array(DOF),
      qvel: new Float64Array(DOF),
      effort: new Float64Array(DOF),
      environmentState: new Float64Array(this.environmentStateSize),
    };
  }

  /** Puts the arms at the start pose and the objects at `start.objects` (7 numbers each: x y z [m], w x y z). */
  reset(start: StartPose): void {
    const { mujoco, model, data } = this;
    mujoco.mj_resetData(model, data);
    this.#putArms((i, isGripper) =>
      isGripper ? START_FINGER_M : ARM_START_POSE[i % ARM_START_POSE.length]!,
    );
    this.#putObjects(start);
    // Solves for the first acceleration too, so that the solver starts warm as it does in dm_control.
    mujoco.mj_forward(model, data);
  }

  /** Puts the objects alone at `start.objects`, at rest. */
  resetObjects(start: StartPose): void {
    this.#putObjects(start);
    this.mujoco.mj_forward(this.model, this.data);
  }

  /** Puts the arms alone at `pose` (14,), at rest and told to stay there. */
  placeArms(pose: Float64Array): void {
    this.#putArms((i, isGripper) => (isGripper ? fingerPosition(pose[i]!) : pose[i]!));
    this.mujoco.mj_forward(this.model, this.data);
  }

  /** At rest and told to stay: `place` gives joint `i` of 14 [rad], or its finger [m]. */
  #putArms(place: (i: number, isGripper: boolean) => number): void {
    const { qpos, qvel, ctrl }: PhysicsData = this.data;
    this.#map.joints.forEach((joint, i) => {
      const position = place(i, joint.isGripper);
      qpos[joint.position] = ctrl[joint.actuator] = position;
      qvel[joint.velocity] = 0;
      if (joint.mirror) qpos[joint.mirror.position] = ctrl[joint.mirror.actuator] = -position;
    });
  }

  #putObjects({ objects }: StartPose): void {
    const { qpos, qvel }: PhysicsData = this.data;
    this.#map.objects.forEach((object, i) => {
      for (let k = 0; k < 7; k += 1) qpos[object.position + k] = objects[7 * i + k]!;
      qvel.fill(0, object.velocity, object.velocity + 6);
    });
  }

  /**
   * Drives towards `goal` (14,) for one control period, or for so many MuJoCo steps. NaNs must have been refused before.
   * Throws UnstableError.
   */
  step(goal: Float64Array, steps = this.#substeps): void {
    const { mujoco, model, data } = this;
    const began = data.time;
    const { ctrl }: PhysicsData = data;
    for (let i = 0; i < goal.length; i += 1) {
      const joint = this.#map.joints[i]!;
      const position = joint.isGripper ? fingerPosition(goal[i]!) : goal[i]!;
      ctrl[joint.actuator] = position;
      if (joint.mirror) ctrl[joint.mirror.actuator] = -position;
    }
    mujoco.mj_step2(model, data);
    for (let i = 1; i < steps; i += 1) mujoco.mj_step(model, data);
    mujoco.mj_step1(model, data);
    // MuJoCo begins again at time 0 when a number runs away.
    if (data.time < began + (CONTROL_PERIOD_S * steps) / this.#substeps / 2) {
      throw new UnstableError(
        `The physics of ${this.#scene} ran away at ${began.toFixed(2)} s. Use a smaller timestep, softer contacts or weaker actuators.`,
      );
    }
  }

  /** The goal (14,) that the motors follow at present: rad, grippers normalised. */
  goal(goal: Float64Array): void {
    const { ctrl }: PhysicsData = this.data;
    this.#map.joints.forEach((joint, i) => {
      const position = ctrl[joint.actuator]!;
      goal[i] = joint.isGripper ? gripperOpening(position) : position;
    });
  }

  /** Fills `sample` with the present joints and object poses. */
  observe(sample: WorldSample): void {
    // MuJoCo's arrays are views that detach when its memory grows: taken anew each time.
    const { qpos, qvel, actuator_force: force }: PhysicsData = this.data;
    this.#map.joints.forEach((joint, i) => {
      const position = qpos[joint.position]!;
      const velocity = qvel[joint.velocity]!;
      sample.qpos[i] = joint.isGripper ? gripperOpening(position) : position;
      sample.qvel[i] = joint.isGripper ? gripperRate(velocity) : velocity;
      sample.effort[i] = force[joint.actuator]!;
    });
    this.#map.objects.forEach((object, i) => {
      for (let k = 0; k < 7; k += 1) sample.environmentState[7 * i + k] = qpos[object.position + k]!;
    });
  }

  /** Reward 0..4 of the present contacts. Costs a copy of all contacts: ask once per control step. */
  reward(): number {
    const { pairs } = this.#map;
    const { ngeom } = this.model;
    const contacts = this.data.contact;
    let bits = 0;
    for (let i = contacts.size() - 1; i >= 0; i -= 1) {
      const contact = contacts.get(i)!;
      bits |= pairs[contact.geom1 * ngeom + contact.geom2]!;
      contact.delete();
    }
    contacts.delete();
    const rule = REWARD_RULES[this.task];
    const touching: Record<string, boolean> = {};
    Object.keys(rule.touches).forEach((name, bit) => (touching[name] = (bits & (1 << bit)) !== 0));
    return rule.reward(touching satisfies Touching);
  }

  /**
   * Copies the full physics state: qpos (nq), qvel (nv), solver warm start (nv), ctrl (nu), activations (na), time.
   * From it any image can be drawn again, and the run continues bit for bit.
   */
  getState(state: Float64Array): void {
    let at = 0;
    for (const part of stateParts(this.data)) {
      state.set(part, at);
      at += part.length;
    }
    state[at] = this.data.time;
  }

  /** Goes back to a state of `getState`. Throws SceneError when it is of another scene. */
  setState(state: Float64Array): void {
    if (state.length !== this.stateSize) {
      throw new SceneError(
        `A physics state of ${state.length} numbers does not fit this scene, which has ${this.stateSize}. ` +
          'It was recorded in another scene: give that one with --scene.',
      );
    }
    let at = 0;
    for (const part of stateParts(this.data)) {
      part.set(state.subarray(at, at + part.length));
      at += part.length;
    }
    this.data.time = state[at]!;
    this.mujoco.mj_step1(this.model, this.data);
  }

  /** The scene's own name of a rig camera. Throws UnknownCameraError listing those there are. */
  cameraName(camera: CameraName): string {
    const name = this.#map.cameras.get(camera);
    if (name === undefined) {
      throw new UnknownCameraError(
        `The scene has no camera "${camera}". It has: ${this.cameras.join(', ') || 'none'}.`,
      );
    }
    return name;
  }

  /** Frees MuJoCo's memory, which no garbage collector does. The world is unusable afterwards. */
  dispose(): void {
    this.data.delete();
    this.model.delete();
  }
}

const stateParts = ({ qpos, qvel, qacc_warmstart: warmStart, ctrl, act }: PhysicsData): Float64Array[] => [
  qpos,
  qvel,
  warmStart,
  ctrl,
  act,
];

/** MuJoCo steps in a control step. */
function substeps({ opt: { timestep } }: MjModel, scene: string): number {
  const count = Math.round(CONTROL_PERIOD_S / timestep);
  if (Math.abs(count * timestep - CONTROL_PERIOD_S) > 1e-9 || count < 1) {
    throw new SceneError(
      `The scene ${scene} has a timestep of ${timestep} s, of which no whole number makes a control period of ` +
        `${CONTROL_PERIOD_S} s. Set <option timestep="0.002"/>.`,
    );
  }
  return count;
}

function compile(mujoco: MainModule, scene: string, path: string): MjModel {
  let model: MjModel;
  try {
    model = mujoco.MjModel.from_xml_path(path);
  } catch (error) {
    throw new SceneError(
      `MuJoCo cannot load ${scene}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  // On by default since MuJoCo 3.x; with it grasps slip that held in 2.x, for which ALOHA's scenes were made.
  model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_MULTICCD.value;
  return model;
}
