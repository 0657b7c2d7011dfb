/**
 * Arms of emulated servos in a simulated world: joints come from the servos, over their buses; pictures, object poses
 * and rewards come from the world that moves them, as of its newest state.
 */
import type { ImageSource } from '../../contract/camera.js';
import { AlohadError } from '../../contract/errors.js';
import { newObservation, type Observation, type Robot } from '../../contract/robot.js';
import { MAX_REWARD, type Judge, type TaskName } from '../../contract/task.js';
import type { AlohaRobot } from '../../hardware/alohaRobot.js';
import type { SharedSample } from '../../realtime/sharedSample.js';
import { SimCameras } from '../../simulation/simCameras.js';
import { World, type WorldOptions, type WorldSample } from '../../simulation/world.js';
import type { CellPhysics } from '../workcell.js';

interface Mirror {
  readonly world: World;
  readonly cameras: SimCameras;
  readonly sample: WorldSample;
}

export class EmulatedRobot implements Robot, Judge {
  readonly backend = 'emulated';
  readonly task: TaskName;
  readonly maxReward = MAX_REWARD;
  readonly #arms: AlohaRobot;
  readonly #options: WorldOptions;
  readonly #states: SharedSample;
  readonly #state: Float64Array;
  readonly #observation = newObservation();
  #mirror: Mirror | undefined;

  /** @param states the newest physics state of the world behind the servos */
  constructor(arms: AlohaRobot, options: WorldOptions, states: SharedSample) {
    this.task = options.task;
    this.#arms = arms;
    this.#options = options;
    this.#states = states;
    this.#state = new Float64Array(states.length);
  }

  async connect(): Promise<void> {
    if (this.#mirror) return;
    const world = await World.load(this.#options);
    this.#mirror = {
      world,
      cameras: new SimCameras(world, () => this.#states.version),
      sample: world.newSample(),
    };
    this.#look();
    await this.#arms.connect();
  }

  get images(): ImageSource {
    return this.#connected().cameras;
  }

  get physics(): CellPhysics {
    const { sceneSha256, stateSize, environmentStateSize } = this.#connected().world;
    return {
      sceneSha256,
      stateSize,
      environmentStateSize,
      getState: (state) => {
        state.set(this.#state);
      },
    };
  }

  async activate(): Promise<void> {
    await this.#arms.activate();
  }

  observe(): Observation {
    const { sample } = this.#connected();
    this.#look();
    const { environmentState } = sample;
    return Object.assign(this.#observation, this.#arms.observe(), { environmentState });
  }

  command(goal: Float64Array): void {
    this.#arms.command(goal);
  }

  hold(): void {
    this.#arms.hold();
  }

  /** The next tick is the first of an episode. */
  countFromZero(): void {
    this.#arms.countFromZero();
  }

  reward(): number {
    this.#look();
    return this.#connected().world.reward();
  }

  async confirmHold(): Promise<void> {
    await this.#arms.confirmHold();
  }

  async disconnect(leave?: 'limp' | 'stiff'): Promise<void> {
    await this.#arms.disconnect(leave);
    this.#mirror?.world.dispose();
    this.#mirror = undefined;
  }

  /** Brings the mirror to the newest state. */
  #look(): void {
    const { world, sample } = this.#connected();
    if (!this.#states.read(this.#state)) return;
    world.setState(this.#state);
    world.observe(sample);
  }

  #connected(): Mirror {
    if (!this.#mirror) throw new AlohadError('The emulated robot is not connected: call connect() first.');
    return this.#mirror;
  }
}
