/** `alohad calibrate`: the guide on the bus of a rig, its steps kept in a file beside the calibration until it is whole. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { z } from 'zod';
import { writeCalibration, writeWhole } from '../config/calibrationFile.js';
import type { Rig } from '../config/rig.js';
import type { ArmCalibration, ArmProfile } from '../contract/arm.js';
import { RigError } from '../contract/errors.js';
import {
  guideCalibration,
  type CalibrationPerson,
  type CalibrationProgress,
} from '../hardware/arm/calibrationGuide.js';
import { ServoBus } from '../hardware/dynamixel/bus.js';
import { SerialPort } from '../hardware/serialPort.js';
import { serialDevice } from '../hardware/usbSerial.js';
import { emulate } from './emulation.js';
import { uncalibratedArm } from './rigArms.js';

/** What answers may take beyond the wire while nobody is in a hurry [ms]. */
const SLACK_MS = 40;

export interface CalibrationRequest {
  readonly rig: Rig;
  /** Name of a bus of the rig. */
  readonly arm: string;
  /** Where the calibration goes. */
  readonly path: string;
  /** Forget the steps that an earlier run finished. */
  readonly restart: boolean;
}

export interface CalibrationReport {
  readonly calibration: ArmCalibration;
  readonly path: string;
  /** Where the calibration before it is now. */
  readonly previous?: string;
}

const progressSchema = z.object({
  profile: z.string(),
  homingOffsets: z.record(z.string(), z.number()).optional(),
  ranges: z.record(z.string(), z.tuple([z.number(), z.number()])),
  gripper: z.object({ open: z.number(), close: z.number() }).optional(),
});

const NOTHING_DONE: CalibrationProgress = { ranges: {} };

/** Throws RigError, CalibrationError, Interrupted, StorageError, and PortError when the port cannot be opened. */
export async function calibrate(
  request: CalibrationRequest,
  person: CalibrationPerson,
  signal: AbortSignal,
): Promise<CalibrationReport> {
  const { rig, arm } = request;
  const named = rig.buses[arm];
  if (!named) {
    const names = Object.keys(rig.buses).join(', ') || 'none';
    throw new RigError(`rig ${rig.name} has no bus ${arm}; its buses: ${names}`);
  }
  // What is being measured anew need not be readable.
  const { calibration: _, ...bus } = named;
  const isMissing = serialDevice(bus.port) === undefined;
  if (rig.backend !== 'emulated' || !isMissing) return await onBus(request, bus, person, signal);
  // Nobody runs `alohad emulate`: this arm is emulated here, and can be moved through the socket.
  const end = new AbortController();
  let emulation: Promise<void> = Promise.resolve();
  const ready = new Promise<string>((resolve, reject) => {
    emulation = emulate(
      { rig: { ...rig, buses: { [arm]: bus } }, faults: [] },
      { onReady: ({ controlPath }) => resolve(controlPath), onLine: (line) => person.tell(line) },
      end.signal,
    );
    emulation.catch(reject);
  });
  try {
    person.tell(`an emulated arm; move it through ${await ready}, as in: ${arm} hand 1 2048`);
    return await onBus(request, bus, person, signal);
  } finally {
    end.abort();
    await emulation;
  }
}

async function onBus(
  { arm, path, restart }: CalibrationRequest,
  bus: Rig['buses'][string],
  person: CalibrationPerson,
  signal: AbortSignal,
): Promise<CalibrationReport> {
  const { profile } = uncalibratedArm(arm, bus);
  const adapter = serialDevice(bus.port)?.serial;
  const progress = `${path}.progress`;
  if (restart) rmSync(progress, { force: true });
  const line = await SerialPort.open(bus.port, profile.baudRate);
  try {
    const calibration = await guideCalibration(
      {
        arm,
        profile,
        ...(adapter !== undefined && { adapter }),
        bus: new ServoBus(line, { slackMs: SLACK_MS }),
        done: readProgress(progress, profile, person),
        onProgress: (done) =>
          writeWhole(progress, `${JSON.stringify({ profile: profile.name, ...done }, undefined, 2)}\n`),
        signal,
      },
      person,
    );
    const previous = writeCalibration(path, calibration);
    rmSync(progress, { force: true });
    return { calibration, path, ...(previous !== undefined && { previous }) };
  } finally {
    line.close();
  }
}

function readProgress(path: string, { name }: ArmProfile, person: CalibrationPerson): CalibrationProgress {
  if (!existsSync(path)) return NOTHING_DONE;
  let stored: unknown;
  try {
    stored = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    stored = undefined;
  }
  const result = progressSchema.safeParse(stored);
  if (!result.success || result.data.profile !== name) {
    person.tell(`${path} is not of this arm's kind, or damaged: from the beginning`);
    return NOTHING_DONE;
  }
  const { homingOffsets, ranges, gripper } = result.data;
  const steps = [
    ...(homingOffsets ? ['rest pose'] : []),
    ...Object.keys(ranges),
    ...(gripper ? ['gripper'] : []),
  ];
  person.tell(`done already: ${steps.join(', ')} (--restart forgets them)`);
  return { ranges, ...(homingOffsets && { homingOffsets }), ...(gripper && { gripper }) };
}
