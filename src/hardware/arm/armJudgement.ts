/** Whether what is on a bus is the arm of a profile, and fit to move: the one place that decides. */
import type { ArmProfile } from '../../contract/arm.js';
import { finding, type Finding, type Grade } from '../../contract/finding.js';
import { describeHardwareError, FAST_FIRMWARE, RADIANS_PER_TICK } from '../dynamixel/controlTable.js';
import { modelByName, modelByNumber } from '../dynamixel/models.js';
import { serialDevice } from '../usbSerial.js';
import type { ServoFacts } from './armInspection.js';

/** Bus watchdog came with it; source: e-manual, Bus Watchdog (98). */
const WATCHDOG_FIRMWARE = 38;
/** ALOHA's supplies give 12 V; under a long cable's load a little less [V]. */
const VOLTAGE = { low: 11, high: 13 } as const;
/** So near to the temperature limit a servo soon switches off [degC]. */
const HOT_BELOW_LIMIT = 15;
/** Motors of one joint that stand further apart than this work against each other [rad]. */
const SHADOW_APART = 0.03;

/** A finding per servo and per pair of motors, and one about the adapter if it is another arm's. `bus`: their subject. */
export const judgeArm = (
  bus: string,
  port: string,
  profile: ArmProfile,
  servos: readonly ServoFacts[],
): Finding[] => [
  ...judgeAdapter(bus, port, profile),
  ...judgeServos(bus, profile, servos),
  ...checkShadows(bus, servos),
];

/** Each servo for itself. */
export const judgeServos = (bus: string, profile: ArmProfile, servos: readonly ServoFacts[]): Finding[] =>
  servos.flatMap((facts) => checkServo(bus, profile, facts));

function judgeAdapter(bus: string, port: string, { calibration }: ArmProfile): Finding[] {
  const serial = calibration?.adapter === undefined ? undefined : serialDevice(port)?.serial;
  if (serial === undefined || serial === calibration?.adapter) return [];
  return [
    finding(
      bus,
      'adapter',
      'fail',
      `has serial number ${serial}, the calibration of ${calibration!.arm} (${calibration!.date}) is of ${calibration!.adapter}`,
      `this is another arm: correct the rig or the udev rule; after an exchange of the adapter run alohad calibrate --arm ${calibration!.arm}`,
    ),
  ];
}

function checkServo(bus: string, profile: ArmProfile, { servo, found }: ServoFacts): Finding[] {
  const what = `${servo.id} ${servo.name}`;
  if (!found) {
    return [
      finding(
        bus,
        what,
        'fail',
        'does not answer',
        `check the cable before it in the chain, its ID (${servo.id}) and baud rate (${profile.baudRate})`,
      ),
    ];
  }
  const faults: Finding[] = [];
  const say = (grade: Grade, text: string, fix: string): void => {
    faults.push(finding(bus, what, grade, text, fix));
  };
  const model = modelByName(servo.model);
  if (found.modelNumber !== model.number) {
    const is = modelByNumber(found.modelNumber)?.name ?? `model ${found.modelNumber}`;
    say(
      'fail',
      `is a ${is}, not a ${servo.model}`,
      'this is another arm, or servos were exchanged: correct rig or profile',
    );
  }
  if (found.hardwareError !== 0) {
    say(
      'fail',
      describeHardwareError(found.hardwareError),
      'take the load away, let it cool, then alohad reboot, or switch the arm off and on',
    );
  }
  if (found.driveMode !== servo.driveMode) {
    say(
      'fail',
      `Drive Mode ${found.driveMode}, the profile says ${servo.driveMode}: it would turn the wrong way`,
      'set register 10, torque off, with Dynamixel Wizard',
    );
  }
  if (servo.homingOffset !== undefined && found.homingOffset !== servo.homingOffset) {
    say(
      'fail',
      `Homing Offset ${found.homingOffset}, its calibration (${profile.calibration?.date ?? 'undated'}) says ${servo.homingOffset}: its zero has moved`,
      `write ${servo.homingOffset} to register 20, torque off, or run alohad calibrate for ${profile.calibration?.arm ?? 'this arm'}`,
    );
  }
  if (servo.firmware !== undefined && found.firmware !== servo.firmware) {
    say(
      'fail',
      `has firmware ${found.firmware}, its calibration (${profile.calibration?.date ?? 'undated'}) found ${servo.firmware}: exchanged or updated`,
      `run alohad calibrate for ${profile.calibration?.arm ?? 'this arm'}`,
    );
  }
  const secondary = servo.shadowOf ?? 255;
  if (found.secondaryId !== secondary) {
    say(
      'fail',
      `Secondary ID ${found.secondaryId}, the profile says ${secondary}`,
      'set register 12, torque off',
    );
  }
  if (found.returnDelay !== 0) {
    say(
      'warn',
      `answers ${found.returnDelay * 2} us late (Return Delay Time ${found.returnDelay})`,
      'set register 9 to 0, torque off',
    );
  }
  if (found.firmware < WATCHDOG_FIRMWARE) {
    say(
      'fail',
      `firmware ${found.firmware} has no bus watchdog: it would move on when the computer hangs`,
      'update it with Dynamixel Wizard',
    );
  } else if (found.firmware < FAST_FIRMWARE) {
    say(
      'warn',
      `firmware ${found.firmware} has no fast sync read`,
      'update it with Dynamixel Wizard for shorter cycles',
    );
  }
  if (found.temperatureDegC > found.temperatureLimitDegC - HOT_BELOW_LIMIT) {
    say(
      'warn',
      `${found.temperatureDegC} degC, switches off at ${found.temperatureLimitDegC}`,
      'let it cool; look for a joint that is pressed against something',
    );
  }
  if (found.voltageV < VOLTAGE.low || found.voltageV > VOLTAGE.high) {
    say('fail', `${found.voltageV} V instead of 12`, 'check the power supply and its plugs');
  }
  if (faults.length > 0) return faults;
  const torque = found.torqueOn ? ', torque on' : '';
  return [
    finding(
      bus,
      what,
      'ok',
      `${model.name}, firmware ${found.firmware}, ${found.voltageV} V, ${found.temperatureDegC} degC${torque}`,
    ),
  ];
}

/** Two motors on one joint must agree where it is, or they press against each other and heat. */
function checkShadows(bus: string, servos: readonly ServoFacts[]): Finding[] {
  return servos.flatMap(({ servo, found }) => {
    const driver = servos.find((other) => other.servo.id === servo.shadowOf);
    // With a wrong drive mode, which is told, positions cannot be compared.
    if (!driver?.found || found?.driveMode !== servo.driveMode) return [];
    if (driver.found.driveMode !== driver.servo.driveMode) return [];
    const apart = (found.position - driver.found.position) * RADIANS_PER_TICK;
    const degrees = ((apart * 180) / Math.PI).toFixed(1);
    const pair = `servos ${driver.servo.id} and ${servo.id}`;
    return Math.abs(apart) <= SHADOW_APART
      ? finding(bus, `${driver.servo.name} pair`, 'ok', `${pair} stand ${degrees} deg apart`)
      : finding(
          bus,
          `${driver.servo.name} pair`,
          'fail',
          `${pair} stand ${degrees} deg apart and would fight each other`,
          'run alohad calibrate for this arm, which finds the homing offset of the shadow',
        );
  });
}
