/** The simulated ALOHA: a Robot whose world can be reset and judged. Its time is counted in control steps. */
import { AlohadError } from '../contract/errors.js';
import { ARM_START_POSE, DOF, isGripper, type Observation, type Robot } from '../contract/robot.js';
import { MAX_REWARD, type Judge, type Resettable, type StartPose, type TaskName } from '../contract/task.js';
import { Shake } from './shake.js';
import { SimCameras } from './simCameras.js';
import { World, type WorldOptions, type WorldSample } from './world.js';
import type { ImageSource } from '../contract/camera.js';

/** A simulated robot was used before `connect` or after `disconnect`. */
export class NotConnectedError extends AlohadError {}

export interface SimRobotOptions extends WorldOptions {
  /** Shakes open hands by so much [rad]; see `Shake`. A replay needs the same number. */
  readonly shake?: number;
}

/** What there is while connected. */
interface Connection {
  readonly world: World;
  readonly cameras: SimCameras;
  readonly observation: Mutable<Observation>;
  readonly physicsState: Float64Array;
  /** Where the arms are when told to hold; observations belong to those who asked for them. */
  readonly held: WorldSample;
}

export class SimRobot implements Robot, Judge, Resettable {
  readonly backend = 'sim';
  readonly task: TaskName;
  readonly maxReward = MAX_REWARD;
  readonly #options: SimRobotOptions;
  readonly #shake: Shake;
  #connection: Connection | undefined;
  #active = false;
  #step = 0;
  /** What the motors are told: (14,). Follows commands once active. */
  readonly #goal = new Float64Array(DOF);
  readonly #shaken = new Float64Array(DOF);

  constructor(options: SimRobotOptions) {
    this.task = options.task;
    this.#options = options;
    this.#shake = new Shake(options.shake ?? 0);
  }

  /** Loads the scene and the renderer. Throws UnknownTaskError, SceneError. */
  async connect(): Promise<void> {
    if (this.#connection) return;
    const world = await World.load(this.#options);
    // A model's zero has the arms stretched out and the fingers shut beyond their range.
    world.placeArms(Float64Array.of(...ARM_START_POSE, ...ARM_START_POSE));
    this.#connection = {
      world,
      cameras: new SimCameras(world, () => this.#step),
      observation: { step: 0, timeMs: 0, ...world.newSample() },
      physicsState: new Float64Array(world.stateSize),
      held: world.newSample(),
    };
    this.#stay();
  }

  get images(): ImageSource {
    return this.#connected().cameras;
  }

  /** Physics state of the last `observe`, of which the world can draw or continue. Borrowed: copy what you keep. */
  get physicsState(): Float64Array {
    return this.#connected().physicsState;
  }

  /** The physics underneath, for those who judge or measure it. */
  get world(): World {
    return this.#connected().world;
  }

  reset(start: StartPose): void {
    this.world.reset(start);
    this.#shake.reset(start.seed);
    this.#step = 0;
    this.#stay();
  }

  /** Goes on from a recorded physics state, with the goal that was in force then. Throws SceneError. */
  restore(physicsState: Float64Array, start: StartPose): void {
    this.world.setState(physicsState);
    this.#shake.reset(start.seed);
    this.#step = 0;
    this.world.goal(this.#goal);
  }

  /** What the motors are told at present: (14,) rad, grippers normalised. Borrowed. */
  get goal(): Float64Array {
    return this.#goal;
  }

  // oxlint-disable-next-line require-await
  async activate(): Promise<void> {
    this.#stay();
    this.#active = true;
  }

  observe(): Observation {
    const { world, observation, physicsState } = this.#connected();
    world.observe(observation);
    world.getState(physicsState);
    observation.step = this.#step;
    observation.timeMs = performance.now();
    return observation;
  }

  /** Before `activate` time goes on, but the arms keep their place. */
  command(goal: Float64Array): void {
    const { world } = this.#connected();
    if (this.#active) this.#goal.set(goal);
    this.#shaken.set(this.#goal);
    this.#shake.apply(this.#shaken);
    world.step(this.#shaken);
    this.#step += 1;
  }

  /** Grippers keep their goals: what they hold is not dropped. */
  hold(): void {
    if (!this.#connection) return;
    const { world, held } = this.#connection;
    world.observe(held);
    held.qpos.forEach((position, i) => {
      if (!isGripper(i)) this.#goal[i] = position;
    });
  }

  reward(): number {
    return this.#connected().world.reward();
  }

  // oxlint-disable-next-line require-await
  async disconnect(): Promise<void> {
    this.#active = false;
    this.#connection?.world.dispose();
    this.#connection = undefined;
  }

  /** Makes the present place of arms and grippers the goal. */
  #stay(): void {
    const { world, held } = this.#connected();
    world.observe(held);
    this.#goal.set(held.qpos);
  }

  #connected(): Connection {
    if (!this.#connection) {
      throw new NotConnectedError('The simulated robot is not connected: call connect() first.');
    }
    return this.#connection;
  }
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
