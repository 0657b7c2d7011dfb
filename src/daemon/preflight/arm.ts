/** Findings about one arm: its port, its adapter, every servo against the profile. */
import type { ArmProfile } from '../../contract/arm.js';
import { AlohadError } from '../../contract/errors.js';
import { finding, type Finding } from '../../contract/finding.js';
import { inspectArm } from '../../hardware/arm/armInspection.js';
import { judgeArm } from '../../hardware/arm/armJudgement.js';
import { ServoBus } from '../../hardware/dynamixel/bus.js';
import { BAUD_RATES } from '../../hardware/dynamixel/controlTable.js';
import { SerialPort } from '../../hardware/serialPort.js';
import { namedSerialDevices, serialDevice, udevRule, type SerialDevice } from '../../hardware/usbSerial.js';

/** What answers may take beyond the wire while nobody is in a hurry [ms]: an adapter at its slowest, a busy machine. */
const SLACK_MS = 40;
/** 1 ms costs 2.4 ms a cycle, 16 ms cost 16.6 ms; source: facts/hardware.md 6. */
const BEST_LATENCY_MS = 1;
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
      return [...findings, ...judgeArm(name, port, profile, servos)];
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
