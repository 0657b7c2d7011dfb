/** The simulated ALOHA: a Robot whose world can be reset and judged. Its time is counted in control steps. */
import { AlohadError } from '../contract/errors.js';
import { DOF, type Observation, type Robot } from '../contract/robot.js';
import { MAX_REWARD, type Judge, type Resettable, type StartPose, type TaskName } from '../contract/task.js';
import { Shake } from './shake.js';
import { SimCameras } from './simCameras.js';
import { World, type WorldOptions } from './world.js';
import type { ImageSource } from '../contract/camera.js';

/** A simulated robot was used before `connect` or after `disconnect`. */
export class NotConnectedError extends AlohadError {}

export interface SimRobotOptions extends WorldOptions {
  /** Shakes open hands by so much [rad]; see `Shake`. A replay needs the same number. */
  readonly shake?: number;
}

export class SimRobot implements Robot, Judge, Resettable {
  readonly backend = 'sim';
  readonly task: TaskName;
  readonly maxReward = MAX_REWARD;
  readonly #options: WorldOptions;
  readonly #shake: Shake;
  #world: World | undefined;
  #cameras: SimCameras | undefined;
  #active = false;
  #step = 0;
  /** What the motors are told: (14,). Follows commands once active. */
  readonly #goal = new Float64Array(DOF);
  readonly #shaken = new Float64Array(DOF);
  #observation: Mutable<Observation> | undefined;
  #physicsState = new Float64Array(0);

  constructor(options: SimRobotOptions) {
    this.task = options.task;
    this.#options = options;
    this.#shake = new Shake(options.shake ?? 0);
  }

  /** Loads the scene and the renderer. Throws UnknownTaskError, SceneError. */
  async connect(): Promise<void> {
    if (this.#world) return;
    const world = await World.load(this.#options);
    this.#cameras = new SimCameras(world, () => this.#step);
    this.#world = world;
    this.#physicsState = new Float64Array(world.stateSize);
    this.#observation = {
      step: 0,
      timeMs: 0,
      qpos: new Float64Array(DOF),
      qvel: new Float64Array(DOF),
      effort: new Float64Array(DOF),
      environmentState: new Float64Array(world.environmentStateSize),
    };
  }

  get images(): ImageSource {
    return this.#connected(this.#cameras);
  }

  /** Physics state of the last `observe`, of which the world can draw or continue. Borrowed: copy what you keep. */
  get physicsState(): Float64Array {
    return this.#physicsState;
  }

  /** The physics underneath, for those who judge or measure it. */
  get world(): World {
    return this.#connected(this.#world);
  }

  reset(start: StartPose): void {
    this.world.reset(start);
    this.#shake.reset(start.seed);
    this.#step = 0;
    this.hold();
  }

  // oxlint-disable-next-line require-await
  async activate(): Promise<void> {
    this.hold();
    this.#active = true;
  }

  observe(): Observation {
    const { world } = this;
    const observation = this.#connected(this.#observation);
    world.observe(observation);
    world.getState(this.#physicsState);
    observation.step = this.#step;
    observation.timeMs = performance.now();
    return observation;
  }

  /** Before `activate` time goes on, but the arms keep their place. */
  command(goal: Float64Array): void {
    const { world } = this;
    if (this.#active) this.#goal.set(goal);
    this.#shaken.set(this.#goal);
    this.#shake.apply(this.#shaken);
    world.step(this.#shaken);
    this.#step += 1;
  }

  hold(): void {
    if (!this.#world) return;
    this.#goal.set(this.observe().qpos);
  }

  reward(): number {
    return this.world.reward();
  }

  // oxlint-disable-next-line require-await
  async disconnect(): Promise<void> {
    this.#active = false;
    this.#world?.dispose();
    this.#world = this.#cameras = this.#observation = undefined;
  }

  #connected<T>(part: T | undefined): T {
    if (part === undefined)
      throw new NotConnectedError('The simulated robot is not connected: call connect() first.');
    return part;
  }
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
