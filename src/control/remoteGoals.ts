/**
 * Joint goals that come from outside while the loop runs, one joint or all of them at a time, as a source of actions.
 *
 * Joints follow the newest move that names them, along straight lines between its points. What would be a jump is a slow
 * ramp instead: a move that begins, or that is far from what the move before asked, fades in as an alignment would move,
 * unless it takes that time anyway. A stream of small moves is followed at once. Limits come after this.
 */
import type { Move } from '../contract/api.js';
import type { ActionSource } from '../contract/policy.js';
import { CONTROL_PERIOD_S, DOF } from '../contract/robot.js';
import { minimumJerk, rampSteps } from './align.js';

/** A move that comes later than this after the last one of its joints begins anew [ticks]. */
const STREAM_TICKS = 25;
/** How far a stream may go at once: what takes a slow ramp this long [ticks]. */
const STREAM_RAMP_TICKS = 25;

interface Track {
  readonly move: Move;
  /** Index into the move's positions. */
  readonly column: number;
  readonly beganTick: number;
  /** Where the joint was to be then. */
  readonly from: number;
}

/** Distance to what the track asks, which fades away. */
interface Fade {
  readonly apart: number;
  readonly beganTick: number;
  readonly steps: number;
}

export class RemoteGoals implements ActionSource {
  readonly name = 'remote';
  readonly #action = new Float64Array(DOF);
  readonly #tracks: (Track | undefined)[] = [];
  readonly #fades: (Fade | undefined)[] = [];
  #tick = 0;

  /** @param from goal in force, shape (14,): what no move names stays there; copied */
  constructor(from: Float64Array) {
    this.#action.set(from);
  }

  /** Nothing: it is made for one episode, and moves may have come before its first tick. */
  reset(): void {}

  /** Takes effect at the next tick. */
  take(move: Move): void {
    const [first] = move.points;
    if (!first) return;
    const firstTicks = first.timeS / CONTROL_PERIOD_S;
    const asked = move.joints.map((joint) => this.#asked(joint));
    // All joints of a move arrive together.
    const needed = Math.max(
      ...move.joints.map((joint, column) => rampSteps(joint, first.positions[column]! - asked[column]!)),
    );
    const streams = needed <= STREAM_RAMP_TICKS && move.joints.every((joint) => this.#isStreaming(joint));
    for (const [column, joint] of move.joints.entries()) {
      const leaves = streams || needed <= firstTicks;
      const from = leaves ? asked[column]! : first.positions[column]!;
      if (!leaves) {
        const apart = this.#action[joint]! - from;
        this.#fades[joint] = { apart, beganTick: this.#tick, steps: Math.max(1, needed) };
      }
      this.#tracks[joint] = { move, column, beganTick: this.#tick, from };
    }
  }

  decide(): Float64Array {
    this.#tick++;
    for (let joint = 0; joint < DOF; joint++) {
      if (this.#tracks[joint]) this.#action[joint] = this.#asked(joint) + this.#apart(joint);
    }
    return this.#action;
  }

  async close(): Promise<void> {}

  #isStreaming(joint: number): boolean {
    const track = this.#tracks[joint];
    return track !== undefined && this.#tick - track.beganTick <= STREAM_TICKS;
  }

  /** Where the newest move wants the joint at this tick; where it is meant to be when there is none. */
  #asked(joint: number): number {
    const track = this.#tracks[joint];
    if (!track) return this.#action[joint]!;
    const { move, column, beganTick, from } = track;
    const timeS = (this.#tick - beganTick) * CONTROL_PERIOD_S;
    let [beforeS, before] = [0, from];
    for (const point of move.points) {
      const position = point.positions[column]!;
      if (point.timeS > timeS)
        return before + ((position - before) * (timeS - beforeS)) / (point.timeS - beforeS);
      [beforeS, before] = [point.timeS, position];
    }
    return before;
  }

  #apart(joint: number): number {
    const fade = this.#fades[joint];
    if (!fade) return 0;
    const ticks = this.#tick - fade.beganTick;
    return ticks >= fade.steps ? 0 : fade.apart * (1 - minimumJerk(ticks / fade.steps));
  }
}
