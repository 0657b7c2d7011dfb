/** A world that is put into the newest state of the one that emulated servos move, which is stepped by another thread. */
import type { SharedSample } from '../../realtime/sharedSample.js';
import { World, type WorldOptions, type WorldSample } from '../../simulation/world.js';

export class WorldMirror {
  readonly world: World;
  /** Joints and objects as of the last `look`. */
  readonly sample: WorldSample;
  /** Physics state as of the last `look`. */
  readonly state: Float64Array;
  readonly #states: SharedSample;

  /** Throws as `World.load`. */
  static async load(options: WorldOptions, states: SharedSample): Promise<WorldMirror> {
    return new WorldMirror(await World.load(options), states);
  }

  private constructor(world: World, states: SharedSample) {
    this.world = world;
    this.sample = world.newSample();
    this.state = new Float64Array(states.length);
    this.#states = states;
  }

  /** Brings the mirror to the newest state. Safe in the loop. */
  look(): void {
    if (!this.#states.read(this.state)) return;
    this.world.setState(this.state);
    this.world.observe(this.sample);
  }

  /** Reward of the newest state, 0 to 4. */
  reward(): number {
    this.look();
    return this.world.reward();
  }

  dispose(): void {
    this.world.dispose();
  }
}
