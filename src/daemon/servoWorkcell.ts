/** Arms of servos as a workcell: they go everywhere by themselves, slowly, and would fall without torque. */
import type { Rig } from '../config/rig.js';
import { RigError } from '../contract/errors.js';
import { ARMS } from '../contract/robot.js';
import type { ArmOptions } from '../hardware/arm/armLink.js';
import { AlohaRobot } from '../hardware/alohaRobot.js';
import { serialDevice } from '../hardware/usbSerial.js';
import { armOfBus } from './rigArms.js';
import { openWebcams } from './rigCameras.js';
import { RoomWorkcell } from './roomWorkcell.js';
import type { Workcell } from './workcell.js';

/** What an answer may take beyond the wire: the USB adapter's latency timer and a busy machine [ms]. */
const SLACK_MS = 8;

/** An emulator shares the processors with everything else: it may be silent for longer than servos on a wire [ms]. */
const EMULATOR_PATIENCE = { slackMs: 30, watchdogMs: 2000 } as const;

/** Throws RigError when the rig lacks an arm. */
export async function openServoWorkcell(rig: Rig, backend: 'real' | 'emulated'): Promise<Workcell> {
  const arms = armsOf(rig, 'follower');
  const webcams = await openWebcams(rig);
  return new RoomWorkcell(new AlohaRobot({ backend, arms, ...(webcams && { images: webcams }) }), webcams);
}

export type ArmRole = 'follower' | 'leader';

/** Why a rig cannot be driven through servos; undefined when it can. */
export function lacksArms(rig: Rig, role: ArmRole): string | undefined {
  const missing = busesOf(role).filter((name) => !rig.buses[name]);
  return missing.length === 0
    ? undefined
    : `rig ${rig.name} has no bus ${missing.join(' and no bus ')} (see launch/rigs/aloha.yaml)`;
}

/** The buses of both followers or leaders, in the order of ARMS. Throws RigError. */
export function armsOf(rig: Rig, role: ArmRole): ArmOptions[] {
  const missing = lacksArms(rig, role);
  if (missing !== undefined) throw new RigError(`${missing}: give one with --rig`);
  return busesOf(role).map((name) => {
    const bus = rig.buses[name]!;
    return {
      name,
      path: bus.port,
      ...armOfBus(name, bus),
      ...(rig.backend !== 'real' || isEmulatedPort(bus.port) ? EMULATOR_PATIENCE : { slackMs: SLACK_MS }),
    };
  });
}

/** Whether an emulator runs behind this port: a robot's is never a pseudo-terminal. */
export const isEmulatedPort = (path: string): boolean => serialDevice(path)?.kind === 'pseudo-terminal';

const busesOf = (role: ArmRole): string[] => ARMS.map((arm) => `${role}_${arm}`);
