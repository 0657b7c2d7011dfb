/** Findings about one arm: its port, its adapter, every servo against the profile. */
import type { ArmProfile } from '../../contract/arm.js';
import { AlohadError } from '../../contract/errors.js';
import { finding, type Finding, type Grade } from '../../contract/finding.js';
import { inspectArm, type ServoFacts } from '../../hardware/arm/armInspection.js';
import { ServoBus } from '../../hardware/dynamixel/bus.js';
import {
  BAUD_RATES,
  describeHardwareError,
  FAST_FIRMWARE,
  RADIANS_PER_TICK,
} from '../../hardware/dynamixel/controlTable.js';
import { modelByName, modelByNumber } from '../../hardware/dynamixel/models.js';
import { SerialPort } from '../../hardware/serialPort.js';
import { namedSerialDevices, serialDevice, udevRule, type SerialDevice } from '../../hardware/usbSerial.js';

/** What answers may take beyond the wire while nobody is in a hurry [ms]: an adapter at its slowest, a busy machine. */
const SLACK_MS = 40;
/** 1 ms costs 2.4 ms a cycle, 16 ms cost 16.6 ms; source: facts/hardware.md 6. */
const BEST_LATENCY_MS = 1;
/** Bus watchdog came with it; source: e-manual, Bus Watchdog (98). */
const WATCHDOG_FIRMWARE = 38;
/** ALOHA's supplies give 12 V; under a long cable's load a little less [V]. */
const VOLTAGE = { low: 11, high: 13 } as const;
/** So near to the temperature limit a servo soon switches off [degC]. */
const HOT_BELOW_LIMIT = 15;
/** Motors of one joint that stand further apart than this work against each other [rad]. */
const SHADOW_APART = 0.03;

export interface BusToCheck {
  readonly name: string;
  readonly port: string;
  readonly profile: ArmProfile;
}

export async function checkArm({ name, port, profile }: BusToCheck): Promise<Finding[]> {
  const device = serialDevice(port);
  const findings = checkPort(name, port, device);
  if (!device) return findings;
  let line: SerialPort;
  try {
    line = await SerialPort.open(port, profile.baudRate);
  } catch (error) {
    if (!(error instanceof AlohadError)) throw error;
    return [...findings, finding(name, 'port', 'fail', error.message, 'see the message')];
  }
  try {
    const servos = inspectArm(new ServoBus(line, { slackMs: SLACK_MS }), profile);
    if (servos.some(({ found }) => found !== undefined)) {
      return [
        ...findings,
        ...servos.flatMap((facts) => checkServo(name, profile, facts)),
        ...checkShadows(name, servos),
      ];
    }
  } finally {
    line.close();
  }
  return [...findings, await silence(name, port, profile)];
}

function checkPort(name: string, port: string, device: SerialDevice | undefined): Finding[] {
  if (!device) {
    const others = namedSerialDevices();
    const there = others.length > 0 ? `there are ${others.join(', ')}` : 'no serial device has a name here';
    return [
      finding(
        name,
        'port',
        'fail',
        `${port} does not exist; ${there}`,
        'plug in the arm, give its adapter the name by a udev rule, or correct the rig (for an emulator: alohad emulate)',
      ),
    ];
  }
  if (device.kind === 'pseudo-terminal') {
    return [finding(name, 'port', 'ok', `${port}: an emulator's pseudo-terminal, no adapter to check`)];
  }
  const findings = [
    finding(
      name,
      'port',
      'ok',
      `${port} is ${device.device}${device.serial ? `, adapter ${device.serial}` : ''}`,
    ),
  ];
  const { latencyMs } = device;
  if (latencyMs === undefined) return findings;
  const rule = udevRule(device.serial ?? 'SERIAL', port.replace(/^\/dev\//, ''));
  return [
    ...findings,
    latencyMs <= BEST_LATENCY_MS
      ? finding(name, 'latency timer', 'ok', `${latencyMs} ms`)
      : finding(
          name,
          'latency timer',
          latencyMs > 4 ? 'fail' : 'warn',
          `${latencyMs} ms: every answer may be kept back so long`,
          `write to /etc/udev/rules.d/99-alohad.rules and plug in again: ${rule}`,
        ),
  ];
}

/** Nobody answers: no power, or servos at another rate. */
async function silence(name: string, port: string, profile: ArmProfile): Promise<Finding> {
  for (const baudRate of BAUD_RATES.filter((rate) => rate !== profile.baudRate)) {
    const line = await SerialPort.open(port, baudRate);
    try {
      const found = inspectArm(new ServoBus(line, { slackMs: SLACK_MS }), {
        ...profile,
        servos: profile.servos.slice(0, 1),
      });
      if (found[0]?.found) {
        return finding(
          name,
          'baud rate',
          'fail',
          `servos answer at ${baudRate}, the profile says ${profile.baudRate} bit/s`,
          `set register Baud Rate (8) of every servo to ${BAUD_RATES.indexOf(profile.baudRate)}, with Dynamixel Wizard`,
        );
      }
    } finally {
      line.close();
    }
  }
  return finding(
    name,
    'servos',
    'fail',
    'no servo answers, at no baud rate',
    'switch the arm on, check the cable from adapter to waist, and that the adapter belongs to this arm',
  );
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
      'remove the load, let it cool, then reboot it or switch the arm off and on',
    );
  }
  if (found.driveMode !== servo.driveMode) {
    say(
      'fail',
      `Drive Mode ${found.driveMode}, the profile says ${servo.driveMode}: it would turn the wrong way`,
      'set register 10, torque off, with Dynamixel Wizard',
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
