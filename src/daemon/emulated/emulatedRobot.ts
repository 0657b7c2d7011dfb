/**
 * Arms of emulated servos in a simulated world: joints come from the servos, over their buses; pictures, object poses
 * and rewards come from the world that moves them, as of its newest state.
 */
import type { ImageSource } from '../../contract/camera.js';
import type { ServoHealth } from '../../contract/servoHealth.js';
import { AlohadError } from '../../contract/errors.js';
import { newObservation, type Observation, type Robot } from '../../contract/robot.js';
import { MAX_REWARD, type Judge, type TaskName } from '../../contract/task.js';
import type { AlohaRobot } from '../../hardware/alohaRobot.js';
import type { SharedSample } from '../../realtime/sharedSample.js';
import { SimCameras } from '../../simulation/simCameras.js';
import type { WorldOptions } from '../../simulation/world.js';
import type { CellPhysics } from '../workcell.js';
import { WorldMirror } from './worldMirror.js';

interface Seen {
  readonly mirror: WorldMirror;
  readonly cameras: SimCameras;
}

export class EmulatedRobot implements Robot, Judge {
  readonly backend = 'emulated';
  readonly task: TaskName;
  readonly maxReward = MAX_REWARD;
  readonly #arms: AlohaRobot;
  readonly #options: WorldOptions;
  readonly #states: SharedSample;
  readonly #webcams: ImageSource | undefined;
  readonly #observation = newObservation();
  #seen: Seen | undefined;

  /** @param states the newest physics state of the world behind the servos */
  constructor(arms: AlohaRobot, options: WorldOptions, states: SharedSample, webcams?: ImageSource) {
    this.#webcams = webcams;
    this.task = options.task;
    this.#arms = arms;
    this.#options = options;
    this.#states = states;
  }

  async connect(): Promise<void> {
    if (this.#seen) return;
    const mirror = await WorldMirror.load(this.#options, this.#states);
    this.#seen = { mirror, cameras: new SimCameras(mirror.world, () => this.#states.version) };
    mirror.look();
    await this.#arms.connect();
  }

  /** The rig's cameras where it has some, otherwise pictures of the world. */
  get images(): ImageSource {
    return this.#webcams ?? this.#connected().cameras;
  }

  get physics(): CellPhysics {
    const { sceneSha256, stateSize, environmentStateSize } = this.#connected().mirror.world;
    return {
      sceneSha256,
      stateSize,
      environmentStateSize,
      getState: (state) => {
        state.set(this.#connected().mirror.state);
      },
    };
  }

  async activate(): Promise<void> {
    await this.#arms.activate();
  }

  observe(): Observation {
    const { mirror } = this.#connected();
    mirror.look();
    const { environmentState } = mirror.sample;
    return Object.assign(this.#observation, this.#arms.observe(), { environmentState });
  }

  command(goal: Float64Array): void {
    this.#arms.command(goal);
  }

  hold(): void {
    this.#arms.hold();
  }

  health(): readonly ServoHealth[] {
    return this.#arms.health();
  }

  /** The next tick is the first of an episode. */
  countFromZero(): void {
    this.#arms.countFromZero();
  }

  reward(): number {
    return this.#connected().mirror.reward();
  }

  async confirmHold(): Promise<void> {
    await this.#arms.confirmHold();
  }

  async disconnect(leave?: 'limp' | 'stiff'): Promise<void> {
    await this.#arms.disconnect(leave);
    this.#seen?.mirror.dispose();
    this.#seen = undefined;
  }

  #connected(): Seen {
    if (!this.#seen) throw new AlohadError('The emulated robot is not connected: call connect() first.');
    return this.#seen;
  }
}
