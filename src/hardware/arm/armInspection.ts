/** Reads what the servos of an arm say of themselves; changes nothing. In blocking calls, outside of any loop. */
import type { ArmProfile, ServoProfile } from '../../contract/arm.js';
import type { ServoBus } from '../dynamixel/bus.js';
import { NoAnswerError } from '../dynamixel/busErrors.js';
import { ADDRESS } from '../dynamixel/controlTable.js';

export interface FoundServo {
  readonly modelNumber: number;
  readonly firmware: number;
  readonly driveMode: number;
  readonly secondaryId: number;
  /** [2 us] */
  readonly returnDelay: number;
  /** [tick] */
  readonly homingOffset: number;
  /** Bits of Hardware Error Status. */
  readonly hardwareError: number;
  readonly temperatureDegC: number;
  readonly temperatureLimitDegC: number;
  readonly voltageV: number;
  /** [tick], as reported. */
  readonly position: number;
  readonly torqueOn: boolean;
}

export interface ServoFacts {
  readonly servo: ServoProfile;
  /** Absent: it does not answer. */
  readonly found?: FoundServo;
}

/** Throws PortError when the port is gone. */
export function inspectArm(bus: ServoBus, profile: ArmProfile): ServoFacts[] {
  return profile.servos.map((servo) => {
    try {
      return { servo, found: inspectServo(bus, servo.id) };
    } catch (error) {
      if (error instanceof NoAnswerError) return { servo };
      throw error;
    }
  });
}

function inspectServo(bus: ServoBus, id: number): FoundServo {
  const { modelNumber, firmware } = bus.ping(id);
  const byte = (address: number): number => bus.readUnsigned(id, address, 1);
  return {
    modelNumber,
    firmware,
    driveMode: byte(ADDRESS.driveMode),
    secondaryId: byte(ADDRESS.secondaryId),
    returnDelay: byte(ADDRESS.returnDelayTime),
    homingOffset: bus.readSigned(id, ADDRESS.homingOffset, 4),
    hardwareError: byte(ADDRESS.hardwareErrorStatus),
    temperatureDegC: byte(ADDRESS.presentTemperature),
    temperatureLimitDegC: byte(ADDRESS.temperatureLimit),
    voltageV: bus.readUnsigned(id, ADDRESS.presentInputVoltage, 2) / 10,
    position: bus.readSigned(id, ADDRESS.presentPosition, 4),
    torqueOn: byte(ADDRESS.torqueEnable) === 1,
  };
}
