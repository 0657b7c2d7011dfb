/** Emulated servos whose followers move a simulated world. */
import type { Rig } from '../../config/rig.js';
import type { StartPose } from '../../contract/task.js';
import { Emulator, type EmulatedBus } from '../../hardware/emulator/emulator.js';
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
   * Throws RigError when the rig lacks a follower, EmulatorError, SceneError.
   */
  static async start(rig: Rig, buses: readonly EmulatedBus[], start: StartPose): Promise<WorldEmulator> {
    const arms = armsOf(rig, 'follower');
    const world = worldOptions(rig);
    const states = SharedSample.allocate(await stateSize(world));
    const options: WorldPlantOptions = {
      world,
      states: states.memory,
      sleepPose: arms[0]!.profile.sleepPose,
      start,
    };
    const emulator = await Emulator.start(buses, {
      module: new URL('./worldPlant.js', import.meta.url).href,
      options,
      arms: arms.map(({ name, gripper }) => ({ bus: name, gripper })),
    });
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
