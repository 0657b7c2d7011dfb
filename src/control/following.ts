/**
 * How well the arms follow what they are told: the distance from goal to joint, and the delay from command to motion.
 *
 * The delay is the shift between the curves of goals and joints that makes them fit best (least squares over all joints
 * of one second, refined between ticks by a parabola), measured once a second while something moves.
 */
import { CONTROL_PERIOD_S, DOF, isGripper } from '../contract/robot.js';
import type { Step, StepListener } from '../contract/step.js';
import type { FollowingReport, Spread } from '../contract/takes.js';

/** Ticks that one fit compares. */
const WINDOW = 50;
/** Longest delay that is looked for [ticks]. */
const LONGEST = 25;
const LENGTH = WINDOW + LONGEST;
/** A joint takes part that moved so far within the window, root mean square [rad]. */
const MOVING = 0.02;

/** Numbers that percentiles are of: the last 20 minutes. */
const KEPT = 60_000;

export class Following implements StepListener {
  readonly #goals = new Float64Array(LENGTH * DOF);
  readonly #joints = new Float64Array(LENGTH * DOF);
  readonly #errors = new Newest();
  readonly #delays = new Newest();
  #ticks = 0;

  onStep({ goal, observation: { qpos } }: Step): void {
    const row = (this.#ticks % LENGTH) * DOF;
    let error = 0;
    for (let joint = 0; joint < DOF; joint++) {
      this.#goals[row + joint] = goal[joint]!;
      this.#joints[row + joint] = qpos[joint]!;
      if (!isGripper(joint)) error = Math.max(error, Math.abs(goal[joint]! - qpos[joint]!));
    }
    this.#errors.push(error);
    this.#ticks++;
    if (this.#ticks >= LENGTH && this.#ticks % WINDOW === 0) this.#fit();
  }

  report(): FollowingReport {
    return { errorRad: this.#errors.spread(), delayMs: this.#delays.spread() };
  }

  #fit(): void {
    const moving = Array.from({ length: DOF }, (_, joint) => joint).filter(
      (joint) => !isGripper(joint) && this.#deviation(joint) > MOVING,
    );
    if (moving.length === 0) return;
    const misfit = Array.from({ length: LONGEST + 1 }, (_, delay) =>
      moving.reduce((sum, joint) => sum + this.#misfit(joint, delay), 0),
    );
    const best = misfit.indexOf(Math.min(...misfit));
    // At the edge nothing was found: something else moved the joints.
    if (best === 0 || best === LONGEST) return;
    const [before, at, after] = [misfit[best - 1]!, misfit[best]!, misfit[best + 1]!];
    const curvature = before - 2 * at + after;
    const between = curvature > 0 ? (before - after) / (2 * curvature) : 0;
    this.#delays.push((best + between) * CONTROL_PERIOD_S * 1000);
  }

  /** Of the newest window's shape only: a joint that gravity keeps off its goal follows all the same. */
  #misfit(joint: number, delay: number): number {
    let sum = 0;
    let squares = 0;
    for (let back = 0; back < WINDOW; back++) {
      const apart = this.#at(this.#joints, joint, back) - this.#at(this.#goals, joint, back + delay);
      sum += apart;
      squares += apart ** 2;
    }
    return squares - sum ** 2 / WINDOW;
  }

  #deviation(joint: number): number {
    let sum = 0;
    let squares = 0;
    for (let back = 0; back < WINDOW; back++) {
      const position = this.#at(this.#joints, joint, back);
      sum += position;
      squares += position ** 2;
    }
    return Math.sqrt(Math.max(0, squares / WINDOW - (sum / WINDOW) ** 2));
  }

  #at(rows: Float64Array, joint: number, back: number): number {
    return rows[((this.#ticks - 1 - back) % LENGTH) * DOF + joint]!;
  }
}

/** One line for people. */
export function describeFollowing({ errorRad, delayMs }: FollowingReport): string {
  const error = `goal to joint p50 ${errorRad.p50.toFixed(3)}, p99 ${errorRad.p99.toFixed(3)} rad`;
  return delayMs.count === 0
    ? error
    : `${error}; command to motion p50 ${delayMs.p50.toFixed(0)}, p99 ${delayMs.p99.toFixed(0)} ms`;
}

/** The newest numbers of a measurement that may go on for ever. */
class Newest {
  readonly #values: number[] = [];
  #count = 0;

  push(value: number): void {
    this.#values[this.#count++ % KEPT] = value;
  }

  spread(): Spread {
    const sorted = this.#values.toSorted((a, b) => a - b);
    const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
    return { count: this.#count, p50: at(0.5), p99: at(0.99) };
  }
}
