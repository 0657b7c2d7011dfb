/**
 * What the arms are allowed to do now, and the legal ways from one mode to the next.
 *
 *   disconnected --connect--> limp --activate--> holding <--> aligning / active
 *        ^                     |                    |               |
 *        '----- disconnect ----'--------------------'--- fault --> faulted
 *
 * The robot is called here and nowhere else for these changes, so mode and robot cannot disagree. A fault holds the
 * arms; the one way out of it is to disconnect.
 */
import { AlohadError } from '../contract/errors.js';
import type { Robot } from '../contract/robot.js';

export type Mode = 'disconnected' | 'limp' | 'holding' | 'aligning' | 'active' | 'faulted';

const LEGAL: Readonly<Record<Mode, readonly Mode[]>> = {
  disconnected: ['limp'],
  limp: ['holding', 'disconnected', 'faulted'],
  holding: ['aligning', 'active', 'disconnected', 'faulted'],
  aligning: ['holding', 'faulted', 'disconnected'],
  active: ['holding', 'faulted', 'disconnected'],
  faulted: ['disconnected'],
};

/** A change of mode that would be unsafe was asked for. */
export class ModeError extends AlohadError {}

export class Modes {
  readonly #robot: Robot;
  readonly #onChange: (mode: Mode) => void;
  #mode: Mode = 'disconnected';

  constructor(robot: Robot, onChange: (mode: Mode) => void = () => {}) {
    this.#robot = robot;
    this.#onChange = onChange;
  }

  get mode(): Mode {
    return this.#mode;
  }

  /** Opens the hardware, torque off. */
  async connect(): Promise<void> {
    this.#require('limp');
    try {
      await this.#robot.connect();
    } catch (error) {
      await this.#robot.disconnect(); // Half of it may be open.
      throw error;
    }
    this.#enter('limp');
  }

  /** Torque on at the present position. */
  async activate(): Promise<void> {
    this.#require('holding');
    await this.#robot.activate();
    this.#enter('holding');
  }

  /** Lets `work` move the arms; they hold afterwards, and the mode is `faulted` when it threw. */
  async during<Result>(mode: 'aligning' | 'active', work: () => Promise<Result>): Promise<Result> {
    this.#require(mode);
    this.#enter(mode);
    try {
      const result = await work();
      this.#robot.hold();
      this.#enter('holding');
      return result;
    } catch (error) {
      this.fault();
      throw error;
    }
  }

  /** Holds the arms and allows nothing but to disconnect. Safe at any time. */
  fault(): void {
    if (this.#mode === 'disconnected' || this.#mode === 'faulted') return;
    this.#robot.hold();
    this.#enter('faulted');
  }

  /** Holds, then torque off. Safe at any time and twice. */
  async disconnect(): Promise<void> {
    if (this.#mode === 'disconnected') return;
    if (this.#mode !== 'limp') this.#robot.hold();
    await this.#robot.disconnect();
    this.#enter('disconnected');
  }

  #require(next: Mode): void {
    if (LEGAL[this.#mode].includes(next)) return;
    throw new ModeError(
      `The robot is ${this.#mode} and cannot become ${next}; from here it can become ${LEGAL[this.#mode].join(' or ')}.`,
    );
  }

  #enter(next: Mode): void {
    if (this.#mode === next) return;
    this.#require(next);
    this.#mode = next;
    this.#onChange(next);
  }
}

/** Connects and activates the robot for the time of `work`; whatever happens, it holds and is disconnected at the end. */
export async function withRobot<R extends Robot, Result>(
  robot: R,
  work: (modes: Modes, robot: R) => Promise<Result>,
): Promise<Result> {
  const modes = new Modes(robot);
  try {
    await modes.connect();
    await modes.activate();
    return await work(modes, robot);
  } finally {
    await modes.disconnect();
  }
}
