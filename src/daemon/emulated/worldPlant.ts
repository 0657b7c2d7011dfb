/** Our simulated world as the mechanics of emulated servos; loaded in the emulator's thread. */
import { ARMS, DOF } from '../../contract/robot.js';
import type { StartPose } from '../../contract/task.js';
import type { Plant } from '../../hardware/emulator/plant.js';
import { SharedSample } from '../../realtime/sharedSample.js';
import { World, type WorldOptions } from '../../simulation/world.js';

export interface WorldPlantOptions {
  readonly world: WorldOptions;
  /** Where the physics state is left after every step. */
  readonly states: SharedArrayBuffer;
  /** Where the arms lie when the power comes on: 7 numbers, the gripper 0 to 1. */
  readonly sleepPose: readonly number[];
  readonly start: StartPose;
}

/** Puts the objects back. */
export type WorldPlantOrder = StartPose;

export async function createPlant(options: WorldPlantOptions): Promise<Plant> {
  return new WorldPlant(await World.load(options.world), options);
}

const WARM_UP_STEPS = 1000;

class WorldPlant implements Plant {
  readonly stepMs: number;
  readonly position: Float64Array;
  readonly velocity: Float64Array;
  readonly effort: Float64Array;
  readonly #world: World;
  readonly #states: SharedSample;
  readonly #sample;
  readonly #goal = new Float64Array(DOF);

  constructor(world: World, { states, sleepPose, start }: WorldPlantOptions) {
    this.#world = world;
    this.#states = new SharedSample(states);
    this.#sample = world.newSample();
    this.position = this.#sample.qpos;
    this.velocity = this.#sample.qvel;
    this.effort = this.#sample.effort;
    this.stepMs = world.model.opt.timestep * 1000;
    // The compiler takes its time with the first steps; nobody waits for an answer yet.
    world.reset(start);
    world.goal(this.#goal);
    for (let step = 0; step < WARM_UP_STEPS; step++) {
      world.step(this.#goal, 1);
      this.#publish();
    }
    world.reset(start);
    world.placeArms(Float64Array.from(ARMS.flatMap(() => sleepPose)));
    this.#publish();
  }

  step(targets: Float64Array): void {
    // A joint that nobody pulls is told to be where it is: it sinks as slowly as a geared motor without torque.
    for (let joint = 0; joint < DOF; joint++) {
      const target = targets[joint]!;
      this.#goal[joint] = Number.isNaN(target) ? this.position[joint]! : target;
    }
    this.#world.step(this.#goal, 1);
    this.#publish();
  }

  obey(order: WorldPlantOrder): void {
    this.#world.resetObjects(order);
    this.#publish();
  }

  #publish(): void {
    this.#world.observe(this.#sample);
    this.#states.write((values) => this.#world.getState(values));
  }
}
