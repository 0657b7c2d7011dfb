/**
 * The one place through which goals reach a robot. Every goal is finite, within the joint's range, no faster than the
 * joint's speed and never far ahead of where the joint is; anything not finite is refused and the arms hold.
 * The later rules win: an arm that stands outside of its range comes back no faster than it may move, and one that was
 * pushed away takes its goal along at once, towards itself.
 */
import { UnsafeActionError } from '../contract/errors.js';
import { ARMS, CONTROL_PERIOD_S, DOF, JOINT_NAMES } from '../contract/robot.js';
import type { Observation, Robot } from '../contract/robot.js';

/** Limits of one joint: rad and rad/s, grippers normalised and 1/s. */
export interface JointLimit {
  readonly min: number;
  readonly max: number;
  /** Fastest change of the goal [rad/s]. */
  readonly speed: number;
  /** How far the goal may lead the measured joint [rad], so that a blocked arm does not wind up. */
  readonly lead: number;
}

/** Source: Interbotix aloha_vx300s.yaml, Velocity_Limit 131 x 0.229 rev/min [rad/s]. */
const SERVO_SPEED = Math.PI;

/** Gripper servo travel, closed to open [rad]; source: aloha constants.py, PUPPET_GRIPPER_JOINT_OPEN and _CLOSE. */
const GRIPPER_TRAVEL = 1.491 + 0.6213;

/** The scripted expert's wrist trails its goal by up to 0.28 rad in simulation (facts/simulation.md); twice that. */
const LEAD = 0.6;

/** One arm from the ranges of its six joints [rad]: everything else is the same for all arms. */
const armLimits = (ranges: readonly (readonly [min: number, max: number])[]): readonly JointLimit[] => [
  ...ranges.map(([min, max]) => ({ min, max, speed: SERVO_SPEED, lead: LEAD })),
  // A gripper that holds something is meant to lead: the goal closes further than the fingers can.
  { min: 0, max: 1, speed: SERVO_SPEED / GRIPPER_TRAVEL, lead: 1 },
];

/** Source of ranges: gym-aloha vx300s_left.xml. */
const VIPERX_300S = armLimits([
  [-3.14158, 3.14158],
  [-1.85005, 1.25664],
  [-1.76278, 1.6057],
  [-3.14158, 3.14158],
  [-1.8675, 2.23402],
  [-3.14158, 3.14158],
]);

/** Moves by itself only to where teleoperation begins; source of ranges: wx250s.urdf. */
const WIDOWX_250S = armLimits([
  [-3.14158, 3.14158],
  [-1.88496, 1.98968],
  [-2.14675, 1.6057],
  [-3.14158, 3.14158],
  [-1.74533, 2.14675],
  [-3.14158, 3.14158],
]);

/** Limits of the 14 joints of two WidowX 250s. */
export const LEADER_LIMITS: readonly JointLimit[] = ARMS.flatMap(() => WIDOWX_250S);

/** Limits of the 14 joints of two ViperX 300s. */
export const ALOHA_LIMITS: readonly JointLimit[] = ARMS.flatMap(() => VIPERX_300S);

const clamp = (value: number, min: number, max: number): number => Math.min(Math.max(value, min), max);

/**
 * Older joint samples are no ground to act on [ms]. Robots whose motors have a watchdog are stricter; this is for all,
 * and wide enough for emulated servos on a busy machine.
 */
const STALE_MS = 1000;

/** Rounding alone must not be counted as an intervention [rad]. */
const NEGLIGIBLE = 1e-9;

export class Limits {
  readonly #table: readonly JointLimit[];
  readonly #periodS: number;
  readonly #goal = new Float64Array(DOF);
  #hasGoal = false;
  /** Share of each joint's speed that is allowed. */
  #pace = 1;
  /** Ticks in which each joint's goal was changed, since `reset`. Shape (14,). */
  readonly clampedTicks = new Uint32Array(DOF);

  constructor(table: readonly JointLimit[] = ALOHA_LIMITS, periodS: number = CONTROL_PERIOD_S) {
    this.#table = table;
    this.#periodS = periodS;
  }

  /** From now on no servo is told to turn faster than this [rad/s], nor than it can. Safe while arms move. */
  set velocityRadPerS(most: number) {
    this.#pace = clamp(most / SERVO_SPEED, 0, 1);
  }

  /** Forgets the last goal: the next one starts from `goal` if it is in force already, else from where the arms are. */
  reset(goal?: Float64Array): void {
    this.#hasGoal = goal !== undefined;
    if (goal) this.#goal.set(goal);
    this.clampedTicks.fill(0);
  }

  /**
   * Sends the nearest permitted goal to the robot and returns it (shape (14,), borrowed).
   * Without an action the last goal is sent again: the robot stays, and its time goes on.
   * Throws UnsafeActionError, before anything is sent, when the action or the observation is not finite, or the
   * observation too old by `nowMs` (`performance.now()`; absent: time stands still while one decides).
   */
  send(
    robot: Robot,
    observation: Observation,
    action: Float64Array | undefined,
    nowMs: number = observation.timeMs,
  ): Float64Array {
    const { qpos, timeMs } = observation;
    this.#refuseStale(nowMs - timeMs);
    this.#refuseUnlessFinite('Joint position', qpos);
    if (action) this.#refuseUnlessFinite('Action', action);

    if (!this.#hasGoal) {
      this.#goal.set(qpos);
      this.#hasGoal = true;
    }
    const wantedGoal = action ?? this.#goal;
    for (let joint = 0; joint < DOF; joint++) {
      const limit = this.#table[joint]!;
      const wanted = wantedGoal[joint]!;
      const reach = this.#pace * limit.speed * this.#periodS;
      const last = this.#goal[joint]!;
      const within = clamp(wanted, limit.min, limit.max);
      const steady = clamp(within, last - reach, last + reach);
      const goal = clamp(steady, qpos[joint]! - limit.lead, qpos[joint]! + limit.lead);
      if (Math.abs(goal - wanted) > NEGLIGIBLE) this.clampedTicks[joint] = this.clampedTicks[joint]! + 1;
      this.#goal[joint] = goal;
    }
    robot.command(this.#goal);
    return this.#goal;
  }

  /** Not negated: an age that is no number is refused, too. */
  #refuseStale(ageMs: number): void {
    if (ageMs <= STALE_MS) return;
    throw new UnsafeActionError(
      `the joints were last measured ${Math.round(ageMs)} ms ago; nothing was sent and the arms hold. ` +
        'Is the machine overloaded, or was the process stopped for a while?',
    );
  }

  #refuseUnlessFinite(what: string, values: Float64Array): void {
    for (let joint = 0; joint < DOF; joint++) {
      const value = values[joint];
      if (!Number.isFinite(value)) {
        throw new UnsafeActionError(
          `${what} of ${JOINT_NAMES[joint]} is ${value}; nothing was sent and the arms hold. ` +
            (what === 'Action'
              ? 'Check the policy (its normalisation, its training losses) before running it again.'
              : 'Check the robot: a simulation that diverged or a servo that answers nonsense.'),
        );
      }
    }
  }
}
