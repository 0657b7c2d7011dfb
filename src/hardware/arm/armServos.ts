/**
 * The servos of one arm before and after it moves: are they those of the profile, are they set as it says, torque on,
 * torque off. In blocking calls; never inside a cycle.
 */
import type { ArmProfile, ServoProfile, Tick } from '../../contract/arm.js';
import { AlohadError } from '../../contract/errors.js';
import type { ServoBus } from '../dynamixel/bus.js';
import { NoAnswerError } from '../dynamixel/busErrors.js';
import { ADDRESS, describeHardwareError, MODE, WATCHDOG_UNIT_MS } from '../dynamixel/controlTable.js';
import { inspectArm } from './armInspection.js';
import { judgeArm } from './armJudgement.js';

/** A joint that rests against its stop may stand so far beyond its limits [tick]: 2 degrees. */
const REST_BEYOND = 23;

/** The arm on the bus is not the arm of the profile, or not fit to move. */
export class ArmMismatchError extends AlohadError {}

/** A servo starts within a second; each attempt waits for a multiple of the bus's slack, 30 ms or more. */
const REBOOT_ATTEMPTS = 10;

interface Setting {
  readonly what: string;
  readonly address: number;
  readonly size: 1 | 2;
  readonly value: number;
}

export class ArmServos {
  readonly #bus: ServoBus;
  readonly #profile: ArmProfile;
  /** What the last `activate` found limp. */
  #stiffened: readonly ServoProfile[] = [];

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
   *
   * No torque is ever dropped for it: a servo that is stiff and set otherwise is refused by name before anything is
   * written, as an arm that stands would fall. When it fails later, what was limp is limp again. Throws ArmMismatchError.
   */
  activate(watchdogMs: number): void {
    const bus = this.#bus;
    const { servos } = this.#profile;
    const limp = servos.filter(({ id }) => bus.readUnsigned(id, ADDRESS.torqueEnable, 1) === 0);
    this.#configure(servos, limp);
    this.#stiffened = limp;
    try {
      this.#stiffen(servos.filter(({ shadowOf }) => shadowOf === undefined));
      this.#requireTorque(servos);
      for (const { id } of servos) {
        bus.write(id, ADDRESS.busWatchdog, 1, Math.round(watchdogMs / WATCHDOG_UNIT_MS));
      }
    } catch (error) {
      this.deactivate();
      throw error;
    }
  }

  /** Takes the last `activate` back: what was limp before it is limp again, what was stiff stays so. */
  deactivate(): void {
    const limp = this.#stiffened;
    this.#stiffened = [];
    this.#release(limp);
  }

  /** Servos that have shut down: hardware error and no torque until they are rebooted. */
  failed(): { readonly servo: ServoProfile; readonly error: string }[] {
    return this.#profile.servos.flatMap((servo) => {
      const bits = this.#bus.readUnsigned(servo.id, ADDRESS.hardwareErrorStatus, 1);
      return bits === 0 ? [] : [{ servo, error: describeHardwareError(bits) }];
    });
  }

  /**
   * Restarts a servo that has shut down and sets it as the profile says before it gets torque again: at its present
   * position if the rest of the arm is stiff, none otherwise. Returns whether it holds. Throws ArmMismatchError when the
   * error comes back, NoAnswerError when the servo does not.
   */
  reboot(servo: ServoProfile): boolean {
    const bus = this.#bus;
    const { id, name, shadowOf } = servo;
    bus.reboot(id);
    this.#awaken(id);
    const bits = bus.readUnsigned(id, ADDRESS.hardwareErrorStatus, 1);
    if (bits !== 0) {
      throw new ArmMismatchError(
        `servo ${id} (${name}) on ${bus.port.path} has ${describeHardwareError(bits)} again after a reboot: let it cool, take the load away, look at its supply`,
      );
    }
    this.#configure([servo], [servo]);
    const others = this.#profile.servos.filter((other) => other.id !== id && other.name !== 'gripper');
    if (!others.some((other) => bus.readUnsigned(other.id, ADDRESS.torqueEnable, 1) === 1)) return false;
    this.#stiffen(this.#profile.servos.filter((one) => one.id === (shadowOf ?? id)));
    this.#requireTorque([servo]);
    return true;
  }

  /** Waits for a servo that starts. Throws NoAnswerError. */
  #awaken(id: number): void {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#bus.ping(id);
        return;
      } catch (error) {
        if (!(error instanceof NoAnswerError) || attempt === REBOOT_ATTEMPTS) throw error;
      }
    }
  }

  /** Modes and limits, all of them looked at before any is written. `limp`: those without torque. */
  #configure(servos: readonly ServoProfile[], limp: readonly ServoProfile[]): void {
    const bus = this.#bus;
    const wrong = servos.flatMap((servo) => {
      const { operatingMode, currentLimit } = servo;
      const registers: Setting[] = [
        { what: 'Operating Mode', address: ADDRESS.operatingMode, size: 1, value: operatingMode },
        ...(currentLimit === undefined
          ? []
          : [
              { what: 'Current Limit', address: ADDRESS.currentLimit, size: 2, value: currentLimit } as const,
            ]),
      ];
      return registers.flatMap((setting) => {
        const found = bus.readUnsigned(servo.id, setting.address, setting.size);
        return found === setting.value ? [] : [{ servo, setting, found }];
      });
    });
    const locked = wrong.filter(({ servo }) => !limp.includes(servo));
    if (locked.length > 0) {
      const named = locked.map(
        ({ servo: { id, name }, setting: { what, value }, found }) =>
          `servo ${id} (${name}) has ${what} ${found} instead of ${value}`,
      );
      throw new ArmMismatchError(
        `the arm on ${bus.port.path} is stiff, and cannot be set without falling: ${named.join('; ')}. Park it, or hold it, make it limp, then activate it again`,
      );
    }
    for (const { servo, setting } of wrong) bus.write(servo.id, setting.address, setting.size, setting.value);
  }

  /** Torque on where they stand; their shadows obey with them. */
  #stiffen(drivers: readonly ServoProfile[]): void {
    const bus = this.#bus;
    const goals = drivers.map((servo) => this.#standingGoal(servo));
    for (const [n, { id, operatingMode, currentLimit }] of drivers.entries()) {
      // A watchdog that tripped would refuse every goal.
      bus.write(id, ADDRESS.busWatchdog, 1, 0);
      // A mode that was changed has forgotten it; source: tonyzhaozh/aloha#6.
      if (operatingMode === MODE.currentBasedPosition && currentLimit !== undefined) {
        bus.write(id, ADDRESS.goalCurrent, 2, currentLimit);
      }
      bus.write(id, ADDRESS.torqueEnable, 1, 1);
      bus.write(id, ADDRESS.goalPosition, 4, goals[n]!);
    }
  }

  #requireTorque(servos: readonly ServoProfile[]): void {
    for (const { id, name } of servos) {
      if (this.#bus.readUnsigned(id, ADDRESS.torqueEnable, 1) === 1) continue;
      throw new ArmMismatchError(
        `servo ${id} (${name}) on ${this.#bus.port.path} does not hold: its torque stays off. Reboot it (alohad reboot) or switch the arm off and on.`,
      );
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

  #release(servos: readonly ServoProfile[]): void {
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
}
