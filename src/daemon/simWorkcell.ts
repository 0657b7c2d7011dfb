/** The simulated robot as a workcell: arms and objects are put where they shall be, and nobody can be hurt. */
import type { Rig } from '../config/rig.js';
import type { StartPose } from '../contract/task.js';
import { SimRobot } from '../simulation/simRobot.js';
import { worldOptions } from './parts.js';
import type { CellPhysics, Workcell } from './workcell.js';

export class SimWorkcell implements Workcell {
  readonly robot: SimRobot;

  /** @param shake see `Shake` [rad] */
  constructor(rig: Rig, shake: number) {
    this.robot = new SimRobot({ ...worldOptions(rig), shake });
  }

  get judge(): SimRobot {
    return this.robot;
  }

  get past(): SimRobot {
    return this.robot;
  }

  get physics(): CellPhysics {
    return this.robot.world;
  }

  // oxlint-disable-next-line require-await
  async begin(start: StartPose): Promise<boolean> {
    this.robot.reset(start);
    return true;
  }

  // oxlint-disable-next-line require-await
  async park(): Promise<boolean> {
    return true;
  }
  async close(): Promise<void> {}
}
