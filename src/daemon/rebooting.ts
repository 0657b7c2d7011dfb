/** `alohad reboot`: servos of an arm that have shut down are restarted one by one, with a person beside the arm. */
import type { Rig } from '../config/rig.js';
import { Interrupted, RigError } from '../contract/errors.js';
import { ArmServos } from '../hardware/arm/armServos.js';
import type { CalibrationPerson } from '../hardware/arm/calibrationGuide.js';
import { ServoBus } from '../hardware/dynamixel/bus.js';
import { SerialPort } from '../hardware/serialPort.js';
import { armOfBus } from './rigArms.js';

/** What answers may take beyond the wire while nobody is in a hurry [ms]. */
const SLACK_MS = 40;

export type RebootPerson = Pick<CalibrationPerson, 'tell' | 'confirms' | 'moment'>;

/**
 * Returns the names of what was rebooted. Throws RigError, ArmMismatchError when an error comes back, Interrupted, and
 * PortError when the port cannot be opened: by a daemon that still drives it, perhaps.
 */
export async function rebootServos(
  rig: Rig,
  arm: string,
  person: RebootPerson,
  signal: AbortSignal,
): Promise<string[]> {
  const named = rig.buses[arm];
  if (!named)
    throw new RigError(`rig ${rig.name} has no bus ${arm}; its buses: ${Object.keys(rig.buses).join(', ')}`);
  const { profile } = armOfBus(arm, named);
  const line = await SerialPort.open(named.port, profile.baudRate);
  try {
    const servos = new ArmServos(new ServoBus(line, { slackMs: SLACK_MS }), profile);
    const rebooted: string[] = [];
    for (const { servo, error } of servos.failed()) {
      person.tell(
        `servo ${servo.id} ${servo.name}: ${error}. Take away what it presses against, hold the arm where it could sink, then press Enter`,
      );
      while (!person.confirms()) {
        if (signal.aborted) throw new Interrupted(`servo ${servo.id} ${servo.name} was not rebooted`);
        await person.moment();
      }
      const holds = servos.reboot(servo);
      person.tell(
        `servo ${servo.id} ${servo.name} is up again, set as its profile says, ${holds ? 'and holds' : 'limp as the arm'}`,
      );
      rebooted.push(servo.name);
    }
    return rebooted;
  } finally {
    line.close();
  }
}
