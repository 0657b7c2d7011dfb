/** One object over a recorded episode: where it is, and in whose hand. */
import type { EpisodeData } from '../../contract/episode.js';
import { ARM_JOINTS, ARMS, DOF, type Arm } from '../../contract/robot.js';
import { add, gripPose, rotate, type Pose, type Rotation, type Vector } from '../kinematics.js';

/** An object whose lowest point is higher above the table than this is lifted [m]. */
const LIFTED_M = 0.01;
/** A hand whose grip point is nearer to the object than this can be holding it [m]. */
const REACH_M = 0.03;

/** The arrays of an episode that tell where hands and objects were, and what the judge said. */
export type Played = Pick<EpisodeData, 'steps' | 'qpos' | 'environmentState' | 'reward'>;

export class ObjectTrack {
  readonly #episode: Played;
  readonly #first: number;
  readonly #width: number;
  readonly #half: Vector;

  /** @param object its place in `environmentState`; @param half its half sizes along its own axes [m] */
  constructor(episode: Played, object: number, half: Vector) {
    this.#episode = episode;
    this.#first = 7 * object;
    this.#width = episode.environmentState.length / episode.steps;
    this.#half = half;
  }

  pose(step: number): Pose {
    const from = step * this.#width + this.#first;
    const [x, y, z, ...quaternion] = this.#episode.environmentState.subarray(from, from + 7);
    return { position: [x!, y!, z!], rotation: rotationOf(quaternion) };
  }

  /** Above the table and within a hand's reach. Table tops are at height 0. */
  isHeld(step: number, arm: Arm): boolean {
    const { position, rotation } = this.pose(step);
    const hang = [6, 7, 8].reduce((sum, i, axis) => sum + Math.abs(rotation[i]!) * this.#half[axis]!, 0);
    return position[2] - hang > LIFTED_M && this.gapM(step, arm) < REACH_M;
  }

  /** From an arm's grip point to the object's box [m]; 0 inside. */
  gapM(step: number, arm: Arm): number {
    const { position, rotation } = this.pose(step);
    const from = step * DOF + ARMS.indexOf(arm) * ARM_JOINTS.length;
    const grip = gripPose(arm, this.#episode.qpos.subarray(from, from + ARM_JOINTS.length - 1)).position;
    const away = add(grip, [-position[0], -position[1], -position[2]]);
    const inside = rotate(transposed(rotation), away);
    return Math.hypot(...inside.map((x, axis) => Math.max(0, Math.abs(x) - this.#half[axis]!)));
  }

  /** First and last step in an arm's hand; undefined when it never was. */
  held(arm: Arm): { readonly first: number; readonly last: number } | undefined {
    const steps = Array.from({ length: this.#episode.steps }, (_, step) => step);
    const first = steps.find((step) => this.isHeld(step, arm));
    if (first === undefined) return undefined;
    return { first, last: steps.findLast((step) => this.isHeld(step, arm)) ?? first };
  }
}

/** Of a unit quaternion w x y z. */
function rotationOf([w = 1, x = 0, y = 0, z = 0]: readonly number[]): Rotation {
  return [
    1 - 2 * (y * y + z * z),
    2 * (x * y - w * z),
    2 * (x * z + w * y),
    2 * (x * y + w * z),
    1 - 2 * (x * x + z * z),
    2 * (y * z - w * x),
    2 * (x * z - w * y),
    2 * (y * z + w * x),
    1 - 2 * (x * x + y * y),
  ];
}

const transposed = ([a, b, c, d, e, f, g, h, i]: Rotation): Rotation => [a, d, g, b, e, h, c, f, i];
