/**
 * What the arms are allowed to do now, and the legal ways from one mode to the next.
 *
 *   disconnected -> preflight -> limp --activate--> holding <--> aligning / active
 *        ^              |          |                  |  ^
 *        |--------------'----------'               park  '-- parking was stopped
 *        |                                            v
 *        |--- torque off ---------- parked <------ parking
 *        |--- stays stiff, or torque off when told --- faulted <-- from everywhere but preflight
 *        '--- stays stiff, or torque off when told --- stopped <-- emergency stop, from everywhere; --reset--> where it was
 *
 * The robot is called here and nowhere else for these changes, so mode and robot cannot disagree. Torque goes on by
 * `activate` alone. It goes off after parking, or when a person says so; otherwise arms that had torque keep it, also
 * when everything else is closed: nothing falls by itself.
 */
import { AlohadError } from '../contract/errors.js';
import type { Robot } from '../contract/robot.js';

export const MODES = [
  'disconnected',
  'preflight',
  'limp',
  'holding',
  'aligning',
  'active',
  'parking',
  'parked',
  'faulted',
  'stopped',
] as const;
export type Mode = (typeof MODES)[number];

const LEGAL: Readonly<Record<Mode, readonly Mode[]>> = {
  disconnected: ['preflight'],
  preflight: ['limp', 'disconnected', 'stopped'],
  limp: ['holding', 'disconnected', 'faulted', 'stopped'],
  holding: ['aligning', 'active', 'parking', 'disconnected', 'faulted', 'stopped'],
  aligning: ['holding', 'disconnected', 'faulted', 'stopped'],
  active: ['holding', 'disconnected', 'faulted', 'stopped'],
  parking: ['parked', 'holding', 'disconnected', 'faulted', 'stopped'],
  parked: ['holding', 'disconnected', 'faulted', 'stopped'],
  faulted: ['disconnected', 'stopped'],
  // And back to what it was, by `reset` alone.
  stopped: ['disconnected'],
};

/** Modes in which something may move the arms, and where it ends when it went well. */
const MOVING = { aligning: 'holding', active: 'holding', parking: 'parked' } as const;
export type MovingMode = keyof typeof MOVING;

/** A change of mode that would be unsafe was asked for. */
export class ModeError extends AlohadError {}

export class Modes {
  readonly #robot: Robot;
  readonly #onChange: (mode: Mode) => void;
  #mode: Mode = 'disconnected';
  /** Whether the arms have torque. */
  #stiff = false;
  /** A fault is not forgotten by an emergency stop. */
  #faulted = false;

  constructor(robot: Robot, onChange: (mode: Mode) => void = () => {}) {
    this.#robot = robot;
    this.#onChange = onChange;
  }

  get mode(): Mode {
    return this.#mode;
  }

  /** Whether the arms have torque, as far as it was given here. */
  get stiff(): boolean {
    return this.#stiff;
  }

  /** Opens the hardware, torque as it is, and lets `preflight` look at it. Closed again when that throws. */
  async connect(preflight: () => void = () => {}): Promise<void> {
    this.#enter('preflight');
    this.#faulted = false;
    try {
      await this.#robot.connect();
      preflight();
    } catch (error) {
      await this.#robot.disconnect(); // Half of it may be open.
      this.#enter('disconnected');
      throw error;
    }
    // An emergency stop may have come meanwhile, here as everywhere.
    if (this.#mode === 'preflight') this.#enter('limp');
  }

  /** Torque on at the present position. */
  async activate(): Promise<void> {
    if (this.#mode !== 'limp' && this.#mode !== 'parked') this.#refuse('holding');
    if (!this.#stiff) await this.#robot.activate();
    this.#stiff = true;
    if (this.#is('stopped')) this.#robot.hold();
    else this.#enter('holding');
  }

  /**
   * Lets `work` move the arms; the mode is `faulted` when it threw. They hold afterwards; what was parking is parked when
   * `arrived` says so of the result.
   */
  async during<Result>(
    mode: MovingMode,
    work: () => Promise<Result>,
    arrived: (result: Result) => boolean = () => true,
  ): Promise<Result> {
    this.#enter(mode);
    try {
      const result = await work();
      this.#robot.hold();
      if (this.#is(mode)) this.#enter(arrived(result) ? MOVING[mode] : 'holding');
      return result;
    } catch (error) {
      this.fault();
      throw error;
    }
  }

  /** Whether something failed since the robot was connected, an emergency stop or not. */
  get faulted(): boolean {
    return this.#faulted;
  }

  /** Holds the arms and allows nothing but to disconnect. Safe at any time. */
  fault(): void {
    if (this.#faulted || this.#mode === 'disconnected' || this.#mode === 'preflight') return;
    this.#robot.hold();
    this.#faulted = true;
    if (this.#mode !== 'stopped') this.#enter('faulted');
  }

  /** Emergency stop: holds the arms and allows nothing but `reset` and to disconnect. Safe at any time and twice. */
  stop(): void {
    if (this.#mode === 'disconnected' || this.#mode === 'stopped') return;
    this.#robot.hold();
    this.#enter('stopped');
  }

  /** A person has looked at the arms and clears the emergency stop. Does nothing in any other mode. */
  reset(): void {
    if (this.#mode !== 'stopped') return;
    this.#mode = this.#faulted ? 'faulted' : this.#stiff ? 'holding' : 'limp';
    this.#onChange(this.#mode);
  }

  /**
   * Closes everything; returns whether the arms were left with torque. It goes off after parking, or when `told`;
   * otherwise arms that have it hold on. Safe at any time and twice.
   */
  async disconnect(told = false): Promise<boolean> {
    if (this.#mode === 'disconnected') return false;
    const leftStiff = this.#stiff && this.#mode !== 'parked' && !told;
    if (this.#stiff) this.#robot.hold();
    try {
      await this.#robot.disconnect(leftStiff ? 'stiff' : 'limp');
    } finally {
      this.#stiff = false;
      this.#enter('disconnected');
    }
    return leftStiff;
  }

  /** A call, as the mode changes while one waits. */
  #is(mode: Mode): boolean {
    return this.#mode === mode;
  }

  #require(next: Mode): void {
    if (!LEGAL[this.#mode].includes(next)) this.#refuse(next);
  }

  #refuse(next: Mode): never {
    throw new ModeError(
      `The robot is ${this.#mode} and cannot become ${next}; from here it can become ${LEGAL[this.#mode].join(' or ')}.` +
        (this.#mode === 'stopped' ? ' Clear the emergency stop first.' : ''),
    );
  }

  #enter(next: Mode): void {
    if (this.#mode === next) return;
    this.#require(next);
    this.#mode = next;
    this.#onChange(next);
  }
}
