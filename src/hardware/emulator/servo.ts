/**
 * One emulated DYNAMIXEL X servo: what its registers do to it, and what it does to its registers.
 *
 * Not documented by the e-manual and therefore ours: how long a reboot takes, how much stalling is an overload, that
 * Torque Enable stays 0 without an error number after a shutdown.
 */
import {
  ADDRESS,
  HARDWARE_ERROR,
  MODE,
  RAM_START,
  TICKS_PER_REVOLUTION,
  WATCHDOG_TRIPPED,
  WATCHDOG_UNIT_MS,
  ZERO_TICK,
  type Register,
} from '../dynamixel/controlTable.js';
import { ALERT_BIT, STATUS_ERROR } from '../dynamixel/packet.js';
import type { Model } from '../dynamixel/models.js';
import { ControlMemory } from './controlMemory.js';
import { Drive } from './drive.js';
import { isReverse, toEncoder, toReported } from './encoderFrame.js';
import { CarriedMotor, Motor, type Surroundings } from './motor.js';

/** A rebooting servo is deaf for so long [ms]. */
const REBOOT_MS = 100;
/** Step of the dynamics [ms]. */
const STEP_MS = 1;
/** After a longer silence the dynamics skip ahead instead of catching up [ms]. */
const LONGEST_CATCH_UP_MS = 2000;

/** A servo exists from its first `advance` on. */
const BEFORE_TIME = -Infinity;

export interface ServoSettings {
  readonly model: Model;
  readonly id: number;
  /** Values of the EEPROM area that differ from the factory's, by address. */
  readonly eeprom?: Readonly<Record<number, number>>;
  readonly firmware?: number;
  /** Where the horn stands at power-on, as the encoder counts [tick]. */
  readonly position?: number;
  /** Torque of the load at an encoder position [N m]. */
  readonly load?: (position: number) => number;
  /** Where the joint ends, as the encoder counts [tick]; absent: it does not. */
  readonly stops?: readonly [min: number, max: number];
  /** Another simulator moves the joint; see `carry`. */
  readonly carried?: boolean;
}

const GOALS: readonly number[] = [
  ADDRESS.goalPwm,
  ADDRESS.goalCurrent,
  ADDRESS.goalVelocity,
  ADDRESS.goalPosition,
];

export class EmulatedServo {
  readonly memory: ControlMemory;
  readonly motor: Motor;
  readonly surroundings: Surroundings;
  /** Supply voltage [V]. */
  supplyV = 12;
  /** Off the bus: cable cut or servo dead. */
  absent = false;
  readonly #drive: Drive;
  readonly #factory: ServoSettings;
  #nowMs = BEFORE_TIME;
  #deafUntilMs = 0;
  #heardMs = 0;
  #registered: { address: number; data: Uint8Array } | undefined;
  #hardwareError = 0;

  constructor(settings: ServoSettings) {
    this.#factory = settings;
    this.memory = new ControlMemory(settings.model);
    const { load = () => 0, stops = [-Infinity, Infinity] } = settings;
    this.surroundings = { load, hand: undefined, stops };
    const MotorKind = settings.carried === true ? CarriedMotor : Motor;
    this.motor = new MotorKind(settings.model, settings.position ?? ZERO_TICK, this.surroundings);
    this.#drive = new Drive(this.memory, this.motor);
    this.memory.set(ADDRESS.firmwareVersion, settings.firmware ?? 46);
    this.memory.set(ADDRESS.id, settings.id);
    for (const [address, value] of Object.entries(settings.eeprom ?? {})) {
      this.memory.set(Number(address), value);
    }
    this.#powerOn();
  }

  get id(): number {
    return this.memory.get(ADDRESS.id);
  }

  /** The alert bit as it goes into a status packet. */
  get alertBit(): number {
    return this.#hardwareError === 0 ? 0 : ALERT_BIT;
  }

  get torqueOn(): boolean {
    return this.memory.get(ADDRESS.torqueEnable) === 1;
  }

  /** Where the joint is [tick, as reported, of any fraction]. */
  get reportedTick(): number {
    return toReported(this.memory, this.motor.position);
  }

  /** Where the joint is pulled, by the controller or a hand [tick, as reported]; undefined: nobody pulls. */
  get targetTick(): number | undefined {
    const target = this.surroundings.hand ?? this.#drive.target;
    return target === undefined ? undefined : toReported(this.memory, target);
  }

  /** The joint was moved by another simulator: to `tick` [as reported], at a speed [rad/s] and torque [N m]. */
  carry(tick: number, speedRadPerS: number, torqueNm: number): void {
    const { memory, motor } = this;
    const { stallTorqueNm, stallCurrentA } = memory.model;
    const sign = isReverse(memory) ? -1 : 1;
    motor.position = toEncoder(memory, tick);
    motor.velocity = sign * speedRadPerS;
    const share = Math.min(Math.max(torqueNm / stallTorqueNm, -1), 1);
    motor.current = this.torqueOn ? sign * share * stallCurrentA : 0;
  }

  /** Whether it is listening at all: on the bus, and not rebooting. */
  hears(nowMs: number): boolean {
    return !this.absent && nowMs >= this.#deafUntilMs;
  }

  /** Lets time pass up to `nowMs` and refreshes what the registers show. */
  advance(nowMs: number): void {
    if (this.#nowMs === BEFORE_TIME) this.#nowMs = nowMs;
    if (nowMs - this.#nowMs > LONGEST_CATCH_UP_MS) this.#nowMs = nowMs - LONGEST_CATCH_UP_MS;
    while (this.#nowMs + STEP_MS <= nowMs) {
      this.#nowMs += STEP_MS;
      this.#checkWatchdog();
      this.#drive.step(STEP_MS / 1000);
      this.#protect();
    }
    this.memory.set(ADDRESS.realtimeTick, Math.floor(this.#nowMs) % 32_768);
    this.memory.set(ADDRESS.presentInputVoltage, Math.round(this.supplyV * 10));
    this.#drive.show();
  }

  /** Any instruction packet on the bus: the watchdog counts from here. Advance first. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  /** Writes registers; `viaShadow`: addressed by its secondary ID. Returns an error number of STATUS_ERROR. */
  write(address: number, data: Uint8Array, viaShadow = false): number {
    return this.memory.write(
      address,
      data,
      (register, value) => this.#mayWrite(register, value, viaShadow),
      (register, value, before) => this.#written(register, value, before),
    );
  }

  /** Keeps a write for `action`. */
  register(address: number, data: Uint8Array): number {
    this.#registered = { address, data: data.slice() };
    this.memory.set(ADDRESS.registeredInstruction, 1);
    return STATUS_ERROR.none;
  }

  action(): number {
    if (!this.#registered) return STATUS_ERROR.instruction;
    const { address, data } = this.#registered;
    this.#registered = undefined;
    this.memory.set(ADDRESS.registeredInstruction, 0);
    return this.write(address, data);
  }

  /** Forgets full turns. Fails while the servo moves. */
  clear(parameters: Uint8Array): number {
    const expected = [0x01, 0x44, 0x58, 0x4c, 0x22];
    if (parameters.length !== 5 || expected.some((byte, index) => byte !== parameters[index])) {
      return STATUS_ERROR.dataRange;
    }
    if (this.memory.get(ADDRESS.moving) === 1) return STATUS_ERROR.resultFail;
    this.#forgetTurns();
    return STATUS_ERROR.none;
  }

  reboot(): void {
    this.#deafUntilMs = this.#nowMs + REBOOT_MS;
    this.#powerOn();
  }

  /** @param option 0xff everything, 0x01 all but the ID, 0x02 all but ID and baud rate */
  factoryReset(option: number): number {
    if (option !== 0xff && option !== 0x01 && option !== 0x02) return STATUS_ERROR.dataRange;
    const id = this.id;
    const baud = this.memory.get(ADDRESS.baudRate);
    for (const register of this.memory.model.registers) {
      if (register.address !== ADDRESS.firmwareVersion) this.memory.set(register.address, register.initial);
    }
    if (option !== 0xff) this.memory.set(ADDRESS.id, id);
    if (option === 0x02) this.memory.set(ADDRESS.baudRate, baud);
    this.reboot();
    return STATUS_ERROR.none;
  }

  /** A fault as if it had happened: shown in Hardware Error Status, and torque goes off where Shutdown says so. */
  fail(error: number): void {
    this.#hardwareError |= error;
    this.memory.set(ADDRESS.hardwareErrorStatus, this.#hardwareError);
    if ((this.memory.get(ADDRESS.shutdown) & error) !== 0) this.#setTorque(0);
  }

  #powerOn(): void {
    this.#hardwareError = 0;
    this.#registered = undefined;
    this.memory.resetRam();
    this.memory.set(ADDRESS.firmwareVersion, this.#factory.firmware ?? 46);
    this.memory.set(ADDRESS.goalPwm, this.memory.get(ADDRESS.pwmLimit));
    this.memory.set(ADDRESS.goalCurrent, this.memory.get(ADDRESS.currentLimit));
    this.#forgetTurns();
    this.#drive.reset();
    this.#drive.show();
    this.memory.set(ADDRESS.goalPosition, this.memory.get(ADDRESS.presentPosition));
  }

  #forgetTurns(): void {
    const turn = TICKS_PER_REVOLUTION;
    this.motor.position = ((this.motor.position % turn) + turn) % turn;
    this.#drive.reset();
  }

  #mayWrite({ address, name }: Register, value: number, viaShadow: boolean): number {
    const { memory } = this;
    if (address < RAM_START && (viaShadow || this.torqueOn)) return STATUS_ERROR.access;
    const isTripped = memory.get(ADDRESS.busWatchdog) === WATCHDOG_TRIPPED;
    if (isTripped && GOALS.includes(address)) return STATUS_ERROR.dataRange;
    if (name === 'Bus Watchdog' && (value < 0 || (isTripped && value !== 0))) return STATUS_ERROR.dataRange;
    if (name === 'Operating Mode' && !this.#hasMode(value)) return STATUS_ERROR.dataRange;
    const limit = LIMIT_OF[address];
    if (limit !== undefined && Math.abs(value) > memory.get(limit)) return STATUS_ERROR.dataLimit;
    if (address === ADDRESS.goalPosition && memory.get(ADDRESS.operatingMode) === MODE.position) {
      const tooLow = value < memory.get(ADDRESS.minPositionLimit);
      if (tooLow || value > memory.get(ADDRESS.maxPositionLimit)) return STATUS_ERROR.dataLimit;
    }
    return STATUS_ERROR.none;
  }

  #hasMode(mode: number): boolean {
    const needsCurrent = mode === MODE.current || mode === MODE.currentBasedPosition;
    return Object.values<number>(MODE).includes(mode) && (this.memory.model.hasCurrent || !needsCurrent);
  }

  /** What a write does beyond its bytes. */
  #written({ address }: Register, value: number, before: number): void {
    if (address === ADDRESS.torqueEnable && value !== before) this.#setTorque(value);
    if (address === ADDRESS.operatingMode && value !== before) this.#enterMode();
    if (address === ADDRESS.goalPosition) this.#drive.newGoal();
    if (address === ADDRESS.busWatchdog) this.#heardMs = this.#nowMs;
  }

  #setTorque(value: number): void {
    const { memory } = this;
    const allowed = (this.#hardwareError & memory.get(ADDRESS.shutdown)) === 0;
    memory.set(ADDRESS.torqueEnable, allowed ? value : 0);
    if (!allowed || value === 0) return;
    if (memory.get(ADDRESS.operatingMode) === MODE.position) this.#forgetTurns();
    this.#drive.reset();
    this.#drive.show();
    memory.set(ADDRESS.goalPosition, memory.get(ADDRESS.presentPosition));
    this.#heardMs = this.#nowMs;
  }

  /** Source: e-manual, Operating Mode (11): gains, profile and goal limits are reset. */
  #enterMode(): void {
    const { memory } = this;
    for (const address of [
      ADDRESS.profileVelocity,
      ADDRESS.profileAcceleration,
      ADDRESS.positionPGain,
      ADDRESS.positionIGain,
      ADDRESS.positionDGain,
      ADDRESS.velocityIGain,
      ADDRESS.velocityPGain,
    ]) {
      memory.set(address, memory.model.at[address]!.initial);
    }
    memory.set(ADDRESS.goalPwm, memory.get(ADDRESS.pwmLimit));
    memory.set(ADDRESS.goalCurrent, memory.get(ADDRESS.currentLimit));
    if (memory.get(ADDRESS.operatingMode) === MODE.position) this.#forgetTurns();
  }

  #checkWatchdog(): void {
    const setting = this.memory.get(ADDRESS.busWatchdog);
    if (setting <= 0 || !this.torqueOn) return;
    if (this.#nowMs - this.#heardMs <= setting * WATCHDOG_UNIT_MS) return;
    this.memory.set(ADDRESS.busWatchdog, WATCHDOG_TRIPPED);
    this.#drive.stop();
  }

  #protect(): void {
    const { memory, motor } = this;
    if (motor.temperature > memory.get(ADDRESS.temperatureLimit)) this.fail(HARDWARE_ERROR.overheating);
    if (this.#drive.isOverloaded) this.fail(HARDWARE_ERROR.overload);
    const tenths = this.supplyV * 10;
    if (tenths < memory.get(ADDRESS.minVoltageLimit) || tenths > memory.get(ADDRESS.maxVoltageLimit)) {
      this.fail(HARDWARE_ERROR.inputVoltage);
    }
  }
}

/** Goal register -> the EEPROM register that limits its absolute value. */
const LIMIT_OF: Readonly<Record<number, number>> = {
  [ADDRESS.goalPwm]: ADDRESS.pwmLimit,
  [ADDRESS.goalCurrent]: ADDRESS.currentLimit,
  [ADDRESS.goalVelocity]: ADDRESS.velocityLimit,
};
