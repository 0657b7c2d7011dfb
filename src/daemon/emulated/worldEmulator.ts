/** Emulated servos whose followers move a simulated world. */
import type { Rig } from '../../config/rig.js';
import type { StartPose } from '../../contract/task.js';
import { Emulator, type EmulatedBus, type EmulatedOperator } from '../../hardware/emulator/emulator.js';
import { SharedSample } from '../../realtime/sharedSample.js';
import { World, type WorldOptions } from '../../simulation/world.js';
import { worldOptions } from '../parts.js';
import { armsOf } from '../servoWorkcell.js';
import type { WorldPlantOptions, WorldPlantOrder } from './worldPlant.js';

export class WorldEmulator {
  readonly emulator: Emulator;
  readonly world: WorldOptions;
  /** The newest physics state. */
  readonly states: SharedSample;

  /**
   * @param buses at least those of both followers
   * @param start where the objects lie at first
   * @param operator shows motions at the leaders, if there is one
   * Throws RigError when the rig lacks a follower, EmulatorError, SceneError.
   */
  static async start(
    rig: Rig,
    buses: readonly EmulatedBus[],
    start: StartPose,
    operator: EmulatedOperator | undefined,
  ): Promise<WorldEmulator> {
    const arms = armsOf(rig, 'follower');
    const world = worldOptions(rig);
    const states = SharedSample.allocate(await stateSize(world));
    const options: WorldPlantOptions = {
      world,
      states: states.memory,
      sleepPose: arms[0]!.profile.sleepPose,
      start,
    };
    const plant = {
      module: new URL('./worldPlant.js', import.meta.url).href,
      options,
      arms: arms.map(({ name, gripper }) => ({ bus: name, gripper })),
    };
    const emulator = await Emulator.start(buses, { plant, ...(operator && { operator }) });
    return new WorldEmulator(emulator, world, states);
  }

  private constructor(emulator: Emulator, world: WorldOptions, states: SharedSample) {
    this.emulator = emulator;
    this.world = world;
    this.states = states;
  }

  /** Puts the objects back; arms stay where they are. */
  putObjects(start: StartPose): void {
    this.emulator.tellPlant(start satisfies WorldPlantOrder);
  }
}

async function stateSize(options: WorldOptions): Promise<number> {
  const world = await World.load(options);
  const { stateSize: size } = world;
  world.dispose();
  return size;
}
