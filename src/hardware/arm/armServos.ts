/**
 * The servos of one arm before and after it moves: are they those of the profile, are they set as it says, torque on,
 * torque off. In blocking calls; never inside a cycle.
 */
import type { ArmProfile, ServoProfile, Tick } from '../../contract/arm.js';
import { AlohadError } from '../../contract/errors.js';
import type { ServoBus } from '../dynamixel/bus.js';
import { ADDRESS, MODE, WATCHDOG_UNIT_MS } from '../dynamixel/controlTable.js';
import { inspectArm } from './armInspection.js';
import { judgeArm } from './armJudgement.js';

/** A joint that rests against its stop may stand so far beyond its limits [tick]: 2 degrees. */
const REST_BEYOND = 23;

/** The arm on the bus is not the arm of the profile, or not fit to move. */
export class ArmMismatchError extends AlohadError {}

export class ArmServos {
  readonly #bus: ServoBus;
  readonly #profile: ArmProfile;

  constructor(bus: ServoBus, profile: ArmProfile) {
    this.#bus = bus;
    this.#profile = profile;
  }

  /** Compares what is on the bus with the profile; changes nothing. Throws ArmMismatchError, which lists every fault. */
  verify(): void {
    const { path } = this.#bus.port;
    const faults = judgeArm(path, path, this.#profile, inspectArm(this.#bus, this.#profile))
      .filter(({ grade }) => grade === 'fail')
      .map(({ what, found, fix = '' }) => `${what}: ${found}; ${fix}`);
    if (faults.length > 0) {
      throw new ArmMismatchError(
        `the arm on ${path} is not a ${this.#profile.name} that can be driven:\n  ${faults.join('\n  ')}`,
      );
    }
  }

  /**
   * Torque on at the present position, with the modes and limits of the profile and the watchdog armed: a bus that is
   * silent for `watchdogMs` stops the servos, which keep their torque.
   * Torque that was on already is not dropped unless a setting must change. Throws ArmMismatchError.
   */
  activate(watchdogMs: number): void {
    const bus = this.#bus;
    for (const { id, operatingMode, currentLimit } of this.#profile.servos) {
      // A watchdog that tripped would refuse every goal.
      bus.write(id, ADDRESS.busWatchdog, 1, 0);
      this.#assert(id, ADDRESS.operatingMode, 1, operatingMode);
      if (currentLimit !== undefined) this.#assert(id, ADDRESS.currentLimit, 2, currentLimit);
    }
    const drivers = this.#profile.servos.filter(({ shadowOf }) => shadowOf === undefined);
    const goals = drivers.map((servo) => this.#standingGoal(servo));
    for (const [n, { id, operatingMode, currentLimit }] of drivers.entries()) {
      bus.write(id, ADDRESS.torqueEnable, 1, 1);
      bus.write(id, ADDRESS.goalPosition, 4, goals[n]!);
      if (operatingMode === MODE.currentBasedPosition && currentLimit !== undefined) {
        bus.write(id, ADDRESS.goalCurrent, 2, currentLimit);
      }
    }
    for (const { id, name } of this.#profile.servos) {
      if (bus.readUnsigned(id, ADDRESS.torqueEnable, 1) === 1) continue;
      throw new ArmMismatchError(
        `servo ${id} (${name}) on ${bus.port.path} does not hold: its torque stays off. Reboot it or switch the arm off and on.`,
      );
    }
    for (const { id } of this.#profile.servos) {
      bus.write(id, ADDRESS.busWatchdog, 1, Math.round(watchdogMs / WATCHDOG_UNIT_MS));
    }
  }

  /**
   * Read back from the servos: all have torque, and those that lead stay where they were told [tick]. Throws
   * ArmMismatchError, which lists every one that does not.
   */
  confirmHold(goals: readonly { readonly id: number; readonly goal: number }[]): void {
    const bus = this.#bus;
    const named = (id: number): string =>
      `servo ${id} (${this.#profile.servos.find((servo) => servo.id === id)?.name ?? '?'})`;
    const faults = [
      ...this.#profile.servos
        .filter(({ id }) => bus.readUnsigned(id, ADDRESS.torqueEnable, 1) !== 1)
        .map(({ id }) => `${named(id)} has no torque`),
      ...goals.flatMap(({ id, goal }) => {
        const told = bus.readSigned(id, ADDRESS.goalPosition, 4);
        return told === Math.round(goal) ? [] : [`${named(id)} goes to ${told}, not to ${Math.round(goal)}`];
      }),
    ];
    if (faults.length > 0)
      throw new ArmMismatchError(`the arm on ${bus.port.path} does not hold: ${faults.join('; ')}`);
  }

  /** Where the joint stands, or the end of its limits where it rests against a stop: servos refuse goals beyond. */
  #standingGoal({ id, name, minTick, maxTick, operatingMode }: ServoProfile): Tick {
    const position = this.#bus.readSigned(id, ADDRESS.presentPosition, 4);
    if (operatingMode !== MODE.position) return position;
    const goal = Math.min(Math.max(position, minTick), maxTick);
    if (Math.abs(goal - position) <= REST_BEYOND) return goal;
    throw new ArmMismatchError(
      `servo ${id} (${name}) on ${this.#bus.port.path} stands at ${position}, outside of its limits ${minTick} to ${maxTick}: ` +
        `move the joint back by hand, or calibrate the arm`,
    );
  }

  /** Torque off, read back; the watchdogs of released servos rest. Throws ArmMismatchError when one keeps its torque. */
  release(): void {
    this.#release(this.#profile.servos);
  }

  /** As `release`, the gripper alone: a person closes it to begin. */
  releaseGripper(): void {
    this.#release(this.#profile.servos.filter(({ name }) => name === 'gripper'));
  }

  #release(servos: ArmProfile['servos']): void {
    for (const { id } of servos) {
      this.#bus.write(id, ADDRESS.busWatchdog, 1, 0);
      this.#bus.write(id, ADDRESS.torqueEnable, 1, 0);
    }
    const stiff = servos.filter(({ id }) => this.#bus.readUnsigned(id, ADDRESS.torqueEnable, 1) !== 0);
    if (stiff.length > 0) {
      throw new ArmMismatchError(
        `${stiff.map(({ name }) => name).join(', ')} on ${this.#bus.port.path} kept torque; switch the arm off`,
      );
    }
  }

  /** Writes an EEPROM register if it differs, which needs torque off. */
  #assert(id: number, address: number, size: 1 | 2, value: number): void {
    if (this.#bus.readUnsigned(id, address, size) === value) return;
    this.#bus.write(id, ADDRESS.torqueEnable, 1, 0);
    this.#bus.write(id, address, size, value);
  }
}
