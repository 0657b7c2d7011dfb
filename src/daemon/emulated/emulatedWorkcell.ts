/** Emulated servos that move a simulated world, all started here: the real driver, simulated physics. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Rig } from '../../config/rig.js';
import type { StartPose } from '../../contract/task.js';
import { AlohaRobot } from '../../hardware/alohaRobot.js';
import { sampleStartPose } from '../../simulation/startPoses.js';
import { emulatedBuses } from './emulatedBuses.js';
import type { Webcams } from '../../hardware/webcam/webcams.js';
import { openWebcams } from '../rigCameras.js';
import { armsOf } from '../servoWorkcell.js';
import type { CellPhysics, SlowMove, Workcell } from '../workcell.js';
import { EmulatedRobot } from './emulatedRobot.js';
import { leaderOperator, shownEpisodes } from './leaderOperator.js';
import { WorldEmulator } from './worldEmulator.js';

/** Objects fall on the table, and everything comes to rest [ms]. */
const SETTLE_MS = 200;

export class EmulatedWorkcell implements Workcell {
  readonly robot: EmulatedRobot;
  readonly webcams: Webcams | undefined;
  readonly #emulated: WorldEmulator;

  /** Throws RigError when the rig lacks an arm, EmulatorError, SceneError, EpisodeError. */
  static async open(rig: Rig): Promise<EmulatedWorkcell> {
    const arms = armsOf(rig, 'follower');
    const shown = shownEpisodes(rig);
    const operator = shown.length > 0 ? leaderOperator(rig, shown) : undefined;
    const buses = emulatedBuses(rig, [
      ...arms.map(({ name }) => name),
      ...(operator?.arms ?? []).map(({ bus }) => bus),
    ]);
    const emulated = await WorldEmulator.start(rig, buses, sampleStartPose(rig.task, 0), operator);
    const robot = new AlohaRobot({ backend: 'emulated', arms });
    const webcams = await openWebcams(rig);
    const seen = new EmulatedRobot(robot, emulated.world, emulated.states, webcams);
    return new EmulatedWorkcell(seen, emulated, webcams);
  }

  private constructor(robot: EmulatedRobot, emulated: WorldEmulator, webcams: Webcams | undefined) {
    this.robot = robot;
    this.webcams = webcams;
    this.#emulated = emulated;
  }

  get judge(): EmulatedRobot {
    return this.robot;
  }

  get physics(): CellPhysics {
    return this.robot.physics;
  }

  async begin(start: StartPose, toStart: SlowMove): Promise<boolean> {
    if (!(await toStart())) return false;
    this.#emulated.putObjects(start);
    await sleep(SETTLE_MS);
    this.robot.countFromZero();
    return true;
  }

  async park(toRest: SlowMove): Promise<boolean> {
    return await toRest();
  }

  async close(): Promise<void> {
    await this.webcams?.close();
    await this.#emulated.emulator.close();
  }
}
