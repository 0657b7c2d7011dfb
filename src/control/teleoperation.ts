/**
 * Teleoperation: followers do what leaders do, joint by joint, a gripper's opening for a gripper's opening.
 *
 * It begins with a slow approach, however far apart the arms are: what separates them at the first tick fades away as
 * fast as an alignment would move, while the leaders' motion is followed at once.
 */
import type { ActionSource } from '../contract/policy.js';
import { DOF, type Observation, type Robot } from '../contract/robot.js';
import { Alignment } from './align.js';

export class Teleoperation implements ActionSource {
  readonly name = 'teleop';
  readonly #leaders: Pick<Robot, 'observe'>;
  readonly #action = new Float64Array(DOF);
  readonly #apart = new Float64Array(DOF);
  #approach: Alignment | undefined;

  /** @param leaders limp arms; their `observe` throws when they have not been heard for too long, which ends it */
  constructor(leaders: Pick<Robot, 'observe'>) {
    this.#leaders = leaders;
  }

  reset(): void {
    this.#approach = undefined;
  }

  decide(followers: Observation): Float64Array {
    const leaders = this.#leaders.observe().qpos;
    if (!this.#approach) {
      for (let joint = 0; joint < DOF; joint++) {
        this.#apart[joint] = followers.qpos[joint]! - leaders[joint]!;
      }
      this.#approach = new Alignment(this.#apart, new Float64Array(DOF));
    }
    const apart = this.#approach.decide();
    for (let joint = 0; joint < DOF; joint++) this.#action[joint] = leaders[joint]! + apart[joint]!;
    return this.#action;
  }

  async close(): Promise<void> {}
}
