/**
 * Control tables of the four servo models of an ALOHA.
 *
 * Sources, ROBOTIS-GIT/emanual: docs/en/dxl/x/xm540-w270.md (7d10ace), xm430-w350.md (0855172), xc430-w150.md (e187952);
 * docs/kr/dxl/x/xl430-w250.md (01ba971, newer than the English page at hand); Startup Configuration and Backup Ready
 * from _includes/en/dxl/control_table_60_startup_configuration.md (028a13d) and the XL430 page.
 * The XM430 page gives 110..300 as range of the voltage limits, which excludes its own defaults; the XM540's is used.
 */
import { AlohadError } from '../../contract/errors.js';
import { TABLE_BYTES, type Register, type Unit } from './controlTable.js';

export type ModelName = 'XM540-W270' | 'XM430-W350' | 'XL430-W250' | 'XC430-W150';

export interface Model {
  readonly name: ModelName;
  /** Register Model Number. */
  readonly number: number;
  readonly registers: readonly Register[];
  /** The register that covers an address; undefined where the table has none. Shape (662,). */
  readonly at: readonly (Register | undefined)[];
  /** Whether it measures and limits current: modes 0 and 5, registers 38 and 102. */
  readonly hasCurrent: boolean;
  /** Torque it can hold at 12 V [N m], current it draws then [A], speed without load [rad/s]. Source: Specifications. */
  readonly stallTorqueNm: number;
  readonly stallCurrentA: number;
  readonly freeSpeedRadPerS: number;
}

/** A servo of a model that no table here describes. */
export class UnknownModelError extends AlohadError {}

/** What differs between the models: EEPROM defaults, ranges and gains. */
interface Variant {
  readonly temperatureLimit: number;
  readonly voltage: readonly [min: number, max: number];
  readonly currentLimit?: number;
  readonly velocityLimit: number;
  readonly externalPorts?: true;
  readonly velocityIGain: number;
  readonly positionPGain: number;
  readonly positionDGain: number;
}

const GAIN_MAX = 16_383;
const PROFILE_MAX = 32_767;
const U8 = 255;
const S32 = 2 ** 31;
const rpm = (revolutionsPerMinute: number): number => (revolutionsPerMinute * 2 * Math.PI) / 60;

function row(
  address: number,
  size: 1 | 2 | 4,
  name: string,
  access: 'R' | 'RW',
  initial: number,
  [min, max]: readonly [number, number],
  unit: Unit = 'none',
): Register {
  return { name, address, size, access, initial, min, max, unit, signed: min < 0 };
}

/** Indirect Address n points at Indirect Data n until told otherwise. */
function indirect(address: number, data: number, first: number): Register[] {
  return Array.from({ length: 28 }, (_, n) => [
    row(address + 2 * n, 2, `Indirect Address ${first + n}`, 'RW', data + n, [64, TABLE_BYTES - 1]),
    row(data + n, 1, `Indirect Data ${first + n}`, 'RW', 0, [0, U8]),
  ]).flat();
}

function registersOf(number: number, v: Variant): Register[] {
  const current = v.currentLimit;
  return [
    row(0, 2, 'Model Number', 'R', number, [0, 65_535]),
    row(2, 4, 'Model Information', 'R', 0, [0, 2 * S32 - 1]),
    row(6, 1, 'Firmware Version', 'R', 0, [0, U8]),
    row(7, 1, 'ID', 'RW', 1, [0, 252]),
    row(8, 1, 'Baud Rate', 'RW', 1, [0, 7]),
    row(9, 1, 'Return Delay Time', 'RW', 250, [0, 254], '2 us'),
    row(10, 1, 'Drive Mode', 'RW', 0, [0, 5]),
    row(11, 1, 'Operating Mode', 'RW', 3, [0, 16]),
    row(12, 1, 'Secondary ID', 'RW', 255, [0, 255]),
    row(13, 1, 'Protocol Type', 'RW', 2, [1, 2]),
    row(20, 4, 'Homing Offset', 'RW', 0, [-1_044_479, 1_044_479], 'tick'),
    row(24, 4, 'Moving Threshold', 'RW', 10, [0, 1023], '0.229 rev/min'),
    row(31, 1, 'Temperature Limit', 'RW', v.temperatureLimit, [0, 100], 'degC'),
    row(32, 2, 'Max Voltage Limit', 'RW', v.voltage[1], v.voltage, '0.1 V'),
    row(34, 2, 'Min Voltage Limit', 'RW', v.voltage[0], v.voltage, '0.1 V'),
    row(36, 2, 'PWM Limit', 'RW', 885, [0, 885], '0.113 %'),
    ...(current === undefined ? [] : [row(38, 2, 'Current Limit', 'RW', current, [0, current], '2.69 mA')]),
    row(44, 4, 'Velocity Limit', 'RW', v.velocityLimit, [0, 1023], '0.229 rev/min'),
    row(48, 4, 'Max Position Limit', 'RW', 4095, [0, 4095], 'tick'),
    row(52, 4, 'Min Position Limit', 'RW', 0, [0, 4095], 'tick'),
    ...(v.externalPorts
      ? [1, 2, 3].flatMap((n) => [
          row(55 + n, 1, `External Port Mode ${n}`, 'RW', 3, [0, 3]),
          row(150 + 2 * n, 2, `External Port Data ${n}`, 'RW', 0, [0, 65_535]),
        ])
      : []),
    row(60, 1, 'Startup Configuration', 'RW', 0, [0, 3]),
    row(63, 1, 'Shutdown', 'RW', 52, [0, U8]),
    row(64, 1, 'Torque Enable', 'RW', 0, [0, 1]),
    row(65, 1, 'LED', 'RW', 0, [0, 1]),
    row(68, 1, 'Status Return Level', 'RW', 2, [0, 2]),
    row(69, 1, 'Registered Instruction', 'R', 0, [0, 1]),
    row(70, 1, 'Hardware Error Status', 'R', 0, [0, U8]),
    row(76, 2, 'Velocity I Gain', 'RW', v.velocityIGain, [0, GAIN_MAX]),
    row(78, 2, 'Velocity P Gain', 'RW', 100, [0, GAIN_MAX]),
    row(80, 2, 'Position D Gain', 'RW', v.positionDGain, [0, GAIN_MAX]),
    row(82, 2, 'Position I Gain', 'RW', 0, [0, GAIN_MAX]),
    row(84, 2, 'Position P Gain', 'RW', v.positionPGain, [0, GAIN_MAX]),
    row(88, 2, 'Feedforward 2nd Gain', 'RW', 0, [0, GAIN_MAX]),
    row(90, 2, 'Feedforward 1st Gain', 'RW', 0, [0, GAIN_MAX]),
    row(98, 1, 'Bus Watchdog', 'RW', 0, [-1, 127], '20 ms'),
    row(100, 2, 'Goal PWM', 'RW', 885, [-885, 885], '0.113 %'),
    ...(current === undefined
      ? []
      : [row(102, 2, 'Goal Current', 'RW', current, [-current, current], '2.69 mA')]),
    row(104, 4, 'Goal Velocity', 'RW', 0, [-1023, 1023], '0.229 rev/min'),
    row(108, 4, 'Profile Acceleration', 'RW', 0, [0, PROFILE_MAX], '214.577 rev/min2'),
    row(112, 4, 'Profile Velocity', 'RW', 0, [0, PROFILE_MAX], '0.229 rev/min'),
    row(116, 4, 'Goal Position', 'RW', 0, [-1_048_575, 1_048_575], 'tick'),
    row(120, 2, 'Realtime Tick', 'R', 0, [0, 32_767], 'ms'),
    row(122, 1, 'Moving', 'R', 0, [0, 1]),
    row(123, 1, 'Moving Status', 'R', 0, [0, U8]),
    row(124, 2, 'Present PWM', 'R', 0, [-885, 885], '0.113 %'),
    current === undefined
      ? row(126, 2, 'Present Load', 'R', 0, [-1000, 1000], '0.1 %')
      : row(126, 2, 'Present Current', 'R', 0, [-32_768, 32_767], '2.69 mA'),
    row(128, 4, 'Present Velocity', 'R', 0, [-S32, S32 - 1], '0.229 rev/min'),
    row(132, 4, 'Present Position', 'R', 0, [-S32, S32 - 1], 'tick'),
    row(136, 4, 'Velocity Trajectory', 'R', 0, [-S32, S32 - 1], '0.229 rev/min'),
    row(140, 4, 'Position Trajectory', 'R', 0, [-S32, S32 - 1], 'tick'),
    row(144, 2, 'Present Input Voltage', 'R', 0, [0, 65_535], '0.1 V'),
    row(146, 1, 'Present Temperature', 'R', 0, [0, U8], 'degC'),
    row(147, 1, 'Backup Ready', 'R', 0, [0, 1]),
    ...indirect(168, 224, 1),
    ...indirect(578, 634, 29),
  ];
}

function model(
  name: ModelName,
  number: number,
  variant: Variant,
  power: Pick<Model, 'stallTorqueNm' | 'stallCurrentA' | 'freeSpeedRadPerS'>,
): Model {
  const registers = registersOf(number, variant);
  const at: (Register | undefined)[] = Array.from({ length: TABLE_BYTES });
  for (const register of registers) {
    for (let offset = 0; offset < register.size; offset++) at[register.address + offset] = register;
  }
  return { name, number, registers, at, hasCurrent: variant.currentLimit !== undefined, ...power };
}

export const MODELS: Readonly<Record<ModelName, Model>> = {
  'XM540-W270': model(
    'XM540-W270',
    1120,
    {
      temperatureLimit: 80,
      voltage: [95, 160],
      currentLimit: 2047,
      velocityLimit: 128,
      externalPorts: true,
      velocityIGain: 1920,
      positionPGain: 800,
      positionDGain: 0,
    },
    { stallTorqueNm: 10.6, stallCurrentA: 4.4, freeSpeedRadPerS: rpm(30) },
  ),
  'XM430-W350': model(
    'XM430-W350',
    1020,
    {
      temperatureLimit: 80,
      voltage: [95, 160],
      currentLimit: 1193,
      velocityLimit: 200,
      velocityIGain: 1920,
      positionPGain: 800,
      positionDGain: 0,
    },
    { stallTorqueNm: 4.1, stallCurrentA: 2.3, freeSpeedRadPerS: rpm(46) },
  ),
  'XL430-W250': model(
    'XL430-W250',
    1060,
    {
      temperatureLimit: 72,
      voltage: [60, 140],
      velocityLimit: 265,
      velocityIGain: 1000,
      positionPGain: 640,
      positionDGain: 4000,
    },
    { stallTorqueNm: 1.5, stallCurrentA: 1.4, freeSpeedRadPerS: rpm(61) },
  ),
  'XC430-W150': model(
    'XC430-W150',
    1070,
    {
      temperatureLimit: 80,
      voltage: [60, 160],
      velocityLimit: 460,
      velocityIGain: 1920,
      positionPGain: 460,
      positionDGain: 0,
    },
    { stallTorqueNm: 1.6, stallCurrentA: 1.4, freeSpeedRadPerS: rpm(106) },
  ),
};

const known = Object.values(MODELS);

/** The model that answers with this number; undefined: none that is known here. */
export const modelByNumber = (number: number): Model | undefined =>
  known.find((candidate) => candidate.number === number);

/** The model of this name. Throws UnknownModelError, which lists the known ones. */
export function modelByName(name: string): Model {
  const found = known.find((candidate) => candidate.name === name);
  if (found) return found;
  throw new UnknownModelError(
    `no control table for a servo "${name}"; known are ${known.map((candidate) => candidate.name).join(', ')}`,
  );
}
