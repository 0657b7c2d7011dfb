/**
 * The servos of one arm before and after it moves: are they those of the profile, are they set as it says, torque on,
 * torque off. In blocking calls; never inside a cycle.
 */
import type { ArmProfile, ServoProfile, Tick } from '../../contract/arm.js';
import { AlohadError } from '../../contract/errors.js';
import type { ServoBus } from '../dynamixel/bus.js';
import { NoAnswerError } from '../dynamixel/busErrors.js';
import { ADDRESS, describeHardwareError, MODE, WATCHDOG_UNIT_MS } from '../dynamixel/controlTable.js';
import { modelByName, modelByNumber } from '../dynamixel/models.js';

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
    const faults = this.#profile.servos.flatMap(({ name, id, model, driveMode, shadowOf = 255 }) => {
      try {
        const found = this.#bus.ping(id).modelNumber;
        if (found !== modelByName(model).number) {
          const what = modelByNumber(found)?.name ?? `model ${found}`;
          return `servo ${id} (${name}) is a ${what}, not a ${model}: wrong arm on this port, or servos exchanged`;
        }
        return [
          ...this.#differs(id, name, 'Drive Mode', ADDRESS.driveMode, driveMode),
          ...this.#differs(id, name, 'Secondary ID', ADDRESS.secondaryId, shadowOf),
          ...this.#hardwareFault(id, name),
        ];
      } catch (error) {
        if (error instanceof NoAnswerError)
          return `servo ${id} (${name}) does not answer: power, cable chain, ID, baud rate?`;
        throw error;
      }
    });
    if (faults.length > 0) {
      throw new ArmMismatchError(
        `the arm on ${this.#bus.port.path} is not a ${this.#profile.name} that can be driven:\n  ${faults.join('\n  ')}`,
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

  #differs(id: number, name: string, register: string, address: number, wanted: number): string[] {
    const found = this.#bus.readUnsigned(id, address, 1);
    if (found === wanted) return [];
    return [
      `servo ${id} (${name}) has ${register} ${found}, the profile says ${wanted}: set it, or correct the profile`,
    ];
  }

  #hardwareFault(id: number, name: string): string[] {
    const bits = this.#bus.readUnsigned(id, ADDRESS.hardwareErrorStatus, 1);
    return bits === 0
      ? []
      : [
          `servo ${id} (${name}): ${describeHardwareError(bits)}; let it cool, then switch the arm off and on`,
        ];
  }
}
