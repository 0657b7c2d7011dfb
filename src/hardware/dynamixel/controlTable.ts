/**
 * The control table of a DYNAMIXEL X servo as data: where each register lies, what it may hold, and in what unit.
 * Tables of the four models of an ALOHA are in `models.ts`.
 */
export type Unit =
  | 'none'
  | 'tick' // 4096 in a revolution
  | '0.229 rev/min'
  | '214.577 rev/min2'
  | '2.69 mA'
  | '0.1 %'
  | '0.113 %'
  | '0.1 V'
  | 'degC'
  | '2 us'
  | 'ms'
  | '20 ms';

export interface Register {
  readonly name: string;
  readonly address: number;
  /** [bytes] */
  readonly size: 1 | 2 | 4;
  readonly access: 'R' | 'RW';
  /** Factory value in the EEPROM area, value after a reboot in the RAM area. */
  readonly initial: number;
  readonly min: number;
  readonly max: number;
  readonly unit: Unit;
  /** Two's complement. */
  readonly signed: boolean;
}

/** Below it lies the EEPROM area: kept without power, locked while torque is on. Source: every X-series page. */
export const RAM_START = 64;

/** Bytes of the address space, past Indirect Data 56 (661). */
export const TABLE_BYTES = 662;

/** Encoder ticks in one revolution, and where the zero of an Interbotix joint lies. */
export const TICKS_PER_REVOLUTION = 4096;
export const ZERO_TICK = 2048;

/** Size of the units in SI. Sources: column Unit of the tables in `models.ts`. */
export const RADIANS_PER_TICK = (2 * Math.PI) / TICKS_PER_REVOLUTION;
/** 0.229 rev/min [rad/s]. */
export const VELOCITY_UNIT = (0.229 * 2 * Math.PI) / 60;
/** 214.577 rev/min^2 [rad/s^2]. */
export const ACCELERATION_UNIT = (214.577 * 2 * Math.PI) / 3600;
/** 2.69 mA [A]. */
export const CURRENT_UNIT = 0.00269;

/** Addresses of the X series; every register that a program here names. */
export const ADDRESS = {
  modelNumber: 0,
  modelInformation: 2,
  firmwareVersion: 6,
  id: 7,
  baudRate: 8,
  returnDelayTime: 9,
  driveMode: 10,
  operatingMode: 11,
  secondaryId: 12,
  protocolType: 13,
  homingOffset: 20,
  movingThreshold: 24,
  temperatureLimit: 31,
  maxVoltageLimit: 32,
  minVoltageLimit: 34,
  pwmLimit: 36,
  currentLimit: 38,
  velocityLimit: 44,
  maxPositionLimit: 48,
  minPositionLimit: 52,
  startupConfiguration: 60,
  shutdown: 63,
  torqueEnable: 64,
  led: 65,
  statusReturnLevel: 68,
  registeredInstruction: 69,
  hardwareErrorStatus: 70,
  velocityIGain: 76,
  velocityPGain: 78,
  positionDGain: 80,
  positionIGain: 82,
  positionPGain: 84,
  busWatchdog: 98,
  goalPwm: 100,
  goalCurrent: 102,
  goalVelocity: 104,
  profileAcceleration: 108,
  profileVelocity: 112,
  goalPosition: 116,
  realtimeTick: 120,
  moving: 122,
  movingStatus: 123,
  presentPwm: 124,
  presentCurrent: 126,
  presentVelocity: 128,
  presentPosition: 132,
  velocityTrajectory: 136,
  positionTrajectory: 140,
  presentInputVoltage: 144,
  presentTemperature: 146,
  indirectAddress1: 168,
  indirectData1: 224,
  indirectAddress29: 578,
  indirectData29: 634,
} as const;

/** Values of Operating Mode. */
export const MODE = {
  current: 0,
  velocity: 1,
  position: 3,
  extendedPosition: 4,
  currentBasedPosition: 5,
  pwm: 16,
} as const;

/** Bits of Hardware Error Status and of Shutdown. */
export const HARDWARE_ERROR = {
  inputVoltage: 0x01,
  overheating: 0x04,
  motorEncoder: 0x08,
  electricalShock: 0x10,
  overload: 0x20,
} as const;

/** What a Hardware Error Status says, in words. */
export function describeHardwareError(bits: number): string {
  const words: string[] = [];
  if ((bits & HARDWARE_ERROR.inputVoltage) !== 0) words.push('input voltage out of range');
  if ((bits & HARDWARE_ERROR.overheating) !== 0) words.push('overheated');
  if ((bits & HARDWARE_ERROR.motorEncoder) !== 0) words.push('encoder failure');
  if ((bits & HARDWARE_ERROR.electricalShock) !== 0) words.push('electrical shock or too little power');
  if ((bits & HARDWARE_ERROR.overload) !== 0) words.push('overload');
  return words.length > 0 ? words.join(', ') : 'no hardware error';
}

/** First firmware that knows the fast reads; source: e-manual, Fast Sync Read (0x8A). */
export const FAST_FIRMWARE = 45;

/** Bit 0 of Drive Mode: positions, velocities and currents have the opposite sign. */
export const REVERSE_BIT = 0x01;
/** Bit 2 of Drive Mode: profiles are given as times. */
export const TIME_PROFILE_BIT = 0x04;

/** Baud rates [bit/s] by the value of register Baud Rate. Source: control_table_baudrate_2.md of the e-manual. */
export const BAUD_RATES: readonly number[] = [
  9600, 57_600, 115_200, 1_000_000, 2_000_000, 3_000_000, 4_000_000, 4_500_000,
];

/** The value of register Bus Watchdog after it tripped. */
export const WATCHDOG_TRIPPED = -1;
/** Unit of Bus Watchdog [ms]. */
export const WATCHDOG_UNIT_MS = 20;
