/** Arms in a room, where nothing but they themselves can put them anywhere; the rig's webcams look at them. */
import type { Robot } from '../contract/robot.js';
import type { StartPose } from '../contract/task.js';
import type { Webcams } from '../hardware/webcam/webcams.js';
import type { SlowMove, Workcell } from './workcell.js';

/** A robot that counts its own steps. */
export interface CountingRobot extends Robot {
  /** The next tick is the first of an episode. */
  countFromZero(): void;
}

export class RoomWorkcell<R extends CountingRobot> implements Workcell {
  readonly robot: R;
  readonly webcams: Webcams | undefined;
  readonly #end: () => void;

  /** @param end ends what was started for the robot besides its webcams */
  constructor(robot: R, webcams: Webcams | undefined, end: () => void = () => {}) {
    this.robot = robot;
    this.webcams = webcams;
    this.#end = end;
  }

  async begin(_start: StartPose, toStart: SlowMove): Promise<boolean> {
    if (!(await toStart())) return false;
    this.robot.countFromZero();
    return true;
  }

  async park(toRest: SlowMove): Promise<boolean> {
    return await toRest();
  }

  async close(): Promise<void> {
    this.#end();
    await this.webcams?.close();
  }
}
