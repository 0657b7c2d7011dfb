/** Emulated servos that move a simulated world, all started here: the real driver, simulated physics. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Rig } from '../../config/rig.js';
import type { StartPose } from '../../contract/task.js';
import type { ArmOptions } from '../../hardware/arm/armLink.js';
import { AlohaRobot } from '../../hardware/alohaRobot.js';
import { Emulator, type EmulatedPlant } from '../../hardware/emulator/emulator.js';
import { SharedSample } from '../../realtime/sharedSample.js';
import { sampleStartPose } from '../../simulation/startPoses.js';
import { World, type WorldOptions } from '../../simulation/world.js';
import { emulatedBuses } from '../emulation.js';
import { worldOptions } from '../parts.js';
import { armsOf } from '../servoWorkcell.js';
import type { CellPhysics, SlowMove, Workcell } from '../workcell.js';
import { EmulatedRobot } from './emulatedRobot.js';
import type { WorldPlantOptions, WorldPlantOrder } from './worldPlant.js';

/** Objects fall on the table, and everything comes to rest [ms]. */
const SETTLE_MS = 200;

/** An emulator shares the processors with everything else: it may be silent for longer than servos on a wire [ms]. */
const PATIENCE = { slackMs: 30, watchdogMs: 1000 } as const;

export class EmulatedWorkcell implements Workcell {
  readonly robot: EmulatedRobot;
  readonly #emulator: Emulator;

  /** Throws RigError when the rig lacks an arm, EmulatorError, SceneError. */
  static async open(rig: Rig): Promise<EmulatedWorkcell> {
    const arms = armsOf(rig, 'follower');
    const options = worldOptions(rig);
    const world = await World.load(options);
    const states = SharedSample.allocate(world.stateSize);
    world.dispose();
    const names = new Set(arms.map(({ name }) => name));
    const buses = emulatedBuses(rig).filter(({ name }) => names.has(name));
    const emulator = await Emulator.start(buses, plantOf(arms, options, states));
    const robot = new AlohaRobot({
      backend: 'emulated',
      arms: arms.map((arm) => ({ ...arm, ...PATIENCE })),
    });
    return new EmulatedWorkcell(new EmulatedRobot(robot, options, states), emulator);
  }

  private constructor(robot: EmulatedRobot, emulator: Emulator) {
    this.robot = robot;
    this.#emulator = emulator;
  }

  get judge(): EmulatedRobot {
    return this.robot;
  }

  get physics(): CellPhysics {
    return this.robot.physics;
  }

  async begin(start: StartPose, toStart: SlowMove): Promise<boolean> {
    if (!(await toStart())) return false;
    this.#emulator.tellPlant(start satisfies WorldPlantOrder);
    await sleep(SETTLE_MS);
    this.robot.countFromZero();
    return true;
  }

  async park(toRest: SlowMove): Promise<boolean> {
    return await toRest();
  }

  async close(): Promise<void> {
    await this.#emulator.close();
  }
}

/** A world, moved by these arms. */
function plantOf(arms: readonly ArmOptions[], world: WorldOptions, states: SharedSample): EmulatedPlant {
  const options: WorldPlantOptions = {
    world,
    states: states.memory,
    sleepPose: arms[0]!.profile.sleepPose,
    start: sampleStartPose(world.task, 0),
  };
  return {
    module: new URL('./worldPlant.js', import.meta.url).href,
    options,
    arms: arms.map(({ name, gripper }) => ({ bus: name, gripper })),
  };
}
