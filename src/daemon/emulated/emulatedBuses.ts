/** The servo buses of a rig as the emulator wants them. */
import type { Rig } from '../../config/rig.js';
import { RigError, UsageError } from '../../contract/errors.js';
import type { EmulatedBus } from '../../hardware/emulator/emulator.js';
import { armOfBus } from '../rigArms.js';

/** @param only buses by name; all of the rig when absent. Throws RigError, UsageError. */
export function emulatedBuses(rig: Rig, only?: readonly string[]): EmulatedBus[] {
  const names = Object.keys(rig.buses);
  if (names.length === 0) {
    throw new RigError('this rig has no servo buses to emulate; see launch/rigs/aloha.yaml for one that has');
  }
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`rig ${rig.name} has no bus "${unknown}"; there are ${names.join(', ')}`);
  const { wire, latencyMs, seed } = rig.emulator;
  return names
    .map((name, n) => {
      const bus = rig.buses[name]!;
      const { profile: arm } = armOfBus(name, bus);
      return {
        name,
        path: bus.port,
        arm,
        wire: wire ? { baudRate: arm.baudRate, latencyMs } : {},
        seed: seed + n,
      };
    })
    .filter(({ name }) => only === undefined || only.includes(name));
}
