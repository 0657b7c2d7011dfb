/** Reads what the folder `calibration/` says of arms and grippers. */
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { ArmProfile, GripperConvention } from '../contract/arm.js';
import { RigError } from '../contract/errors.js';
import { ARM_JOINTS } from '../contract/robot.js';
import { readYaml } from './yamlFile.js';

const FOLDER = fileURLToPath(new URL('../../calibration/', import.meta.url));

const tick = z.int().min(0).max(4095);

const armSchema = z.strictObject({
  name: z.string().min(1),
  baudRate: z.int().positive(),
  velocityLimit: z.int().min(0).max(1023),
  sleepPose: z.array(z.number()).length(ARM_JOINTS.length),
  servos: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        id: z.int().min(0).max(252),
        model: z.string().min(1),
        shadowOf: z.int().min(0).max(252).optional(),
        driveMode: z.int().min(0).max(13),
        minTick: tick,
        maxTick: tick,
        currentLimit: z.int().min(0).max(2047).optional(),
        operatingMode: z.int().min(0).max(16),
      }),
    )
    .min(1),
});

const span = z.strictObject({ open: z.number(), close: z.number() });
const gripperSchema = z.strictObject({
  hornRadiusM: z.number().positive(),
  rodLengthM: z.number().positive(),
  joint: span,
  finger: span,
  observed: z.enum(['finger', 'joint']),
});
const grippersSchema = z.record(
  z.string(),
  z.strictObject({ follower: gripperSchema, leader: gripperSchema }),
);

/** The arm profile `calibration/NAME.yaml`. Throws UsageError, and RigError with the place of each fault. */
export function loadArmProfile(name: string): ArmProfile {
  const path = `${FOLDER}${name}.yaml`;
  const result = armSchema.safeParse(readYaml(path));
  if (!result.success)
    throw new RigError(`arm profile ${path} is not valid:\n${z.prettifyError(result.error)}`);
  const { servos, ...arm } = result.data;
  return {
    ...arm,
    servos: servos.map(({ shadowOf, currentLimit, ...servo }) => ({
      ...servo,
      ...(shadowOf !== undefined && { shadowOf }),
      ...(currentLimit !== undefined && { currentLimit }),
    })),
  };
}

/** A gripper convention of `calibration/grippers.yaml`, for one side of the robot. Throws RigError. */
export function loadGripper(convention: string, side: 'follower' | 'leader'): GripperConvention {
  const path = `${FOLDER}grippers.yaml`;
  const result = grippersSchema.safeParse(readYaml(path));
  if (!result.success) throw new RigError(`${path} is not valid:\n${z.prettifyError(result.error)}`);
  const found = result.data[convention];
  if (!found) {
    const known = Object.keys(result.data).join(', ');
    throw new RigError(`there is no gripper convention "${convention}"; ${path} has ${known}`);
  }
  return { name: convention, ...found[side] };
}
