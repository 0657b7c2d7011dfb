/**
 * The rig file: one YAML file that says which robot this is, how it is limited and how policies are executed.
 * This is the only reader of rig files and of the environment.
 */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { RigError } from '../contract/errors.js';
import { velocitySchema } from '../contract/velocity.js';
import { TASKS } from '../contract/task.js';
import { readYaml } from './yamlFile.js';

/** Robots that a rig can be. */
export const RIG_BACKENDS = ['sim', 'emulated', 'real', 'ros'] as const;

const busSchema = z.strictObject({
  /** Serial device: a name given by udev, never an index. */
  port: z.string().min(1),
  /** File of calibration/ that says which servos there are. */
  arm: z.string().min(1),
  /** What `alohad calibrate` measured on this very arm; relative to the rig file. Absent: an arm as its maker means it. */
  calibration: z.string().min(1).optional(),
  /** Gripper convention of calibration/grippers.yaml. */
  gripper: z.string().min(1).default('aloha'),
});

/** An index changes with the order in which cameras are plugged in. */
const BY_INDEX = /^\/dev\/video\d+$/;

const cameraSchema = z
  .strictObject({
    /** V4L2 device by a name that stays: /dev/v4l/by-id, /dev/v4l/by-path or one given by udev. */
    device: z
      .string()
      .min(1)
      .refine((path) => !BY_INDEX.test(path), {
        error: 'names a camera by its index, which changes: use its name in /dev/v4l/by-id or by-path',
      })
      .optional(),
    /** Video file, over and over; `.mjpeg` needs no ffmpeg. */
    file: z.string().min(1).optional(),
    /** HTTP MJPEG stream. */
    url: z.url({ protocol: /^https?$/ }).optional(),
    /** Source of ffmpeg's lavfi, such as testsrc2. */
    test: z.string().min(1).optional(),
    /** [px] */
    width: z.int().min(16).max(4096).default(640),
    height: z.int().min(16).max(4096).default(480),
    fps: z.number().positive().max(240).default(30),
    /** As a calibration of this camera at this size measured them, the model plumb_bob [px]; absent: not calibrated. */
    intrinsics: z
      .strictObject({
        fx: z.number().positive(),
        fy: z.number().positive(),
        cx: z.number(),
        cy: z.number(),
        /** k1, k2, t1, t2, k3 */
        distortion: z.array(z.number()).max(5).default([]),
      })
      .optional(),
  })
  .refine(
    ({ device, file, url, test }) =>
      [device, file, url, test].filter((origin) => origin !== undefined).length === 1,
    { error: 'give one of device, file, url, test' },
  );

const rigSchema = z.strictObject({
  name: z.string().min(1).default('aloha-sim'),
  backend: z.enum(RIG_BACKENDS).default('sim'),
  task: z.enum(TASKS).default('insertion'),
  simulation: z
    .strictObject({
      /** Another MJCF scene; relative paths are taken from the rig file's folder by the caller. */
      scene: z.string().optional(),
    })
    .prefault({}),
  /** Servo buses by name: `follower_left`, `follower_right`, `leader_left`, `leader_right`. */
  buses: z.record(z.string(), busSchema).default({}),
  /** Cameras by name, for the backends emulated and real: `cam_high`, `cam_low`, `cam_left_wrist`, `cam_right_wrist`. */
  cameras: z.record(z.string().regex(/^[a-z]\w*$/i), cameraSchema).default({}),
  emulator: z
    .strictObject({
      /** Whether bytes take the time that they take on a wire. */
      wire: z.boolean().default(true),
      /** Latency timer of the imitated USB adapter [ms]; 0: none. */
      latencyMs: z.number().min(0).max(255).default(1),
      /** Of the faults that happen by chance. */
      seed: z.int().default(0),
      /** Recorded episodes, whose motions a person shows at the leaders, one after the other. */
      leaders: z.array(z.string().min(1)).default([]),
    })
    .prefault({}),
  execution: z
    .strictObject({
      /** How chunks become actions; see src/policy. */
      mode: z.enum(['ensemble', 'chunk', 'blend']).default('ensemble'),
      /** Temporal-ensemble weight decay m of w_i = exp(-m i). */
      decay: z.number().min(-1).max(1).default(0.01),
      /** Threads of the inference session. */
      threads: z.int().min(1).max(64).default(1),
    })
    .prefault({}),
  /** Namespaces of the drivers that have the arms, on backend ros. */
  ros: z
    .strictObject({
      left: z.string().min(1).default('follower_left'),
      right: z.string().min(1).default('follower_right'),
    })
    .prefault({}),
  limits: z
    .strictObject({
      /** Largest joint speed that any goal may ask for [rad/s]; the servos' own limit is pi. */
      velocityRadPerS: velocitySchema.default(Math.PI),
    })
    .prefault({}),
});

export type Rig = z.infer<typeof rigSchema>;
export type RigCamera = Rig['cameras'][string];

/** The rig of a machine without a rig file: the simulation, with every default. */
export const defaultRig = (): Rig => rigSchema.parse({});

/** Reads a rig file. Throws UsageError when it cannot be read and RigError with the place of each fault. */
export function loadRig(path: string): Rig {
  const result = rigSchema.safeParse(readYaml(path));
  if (!result.success) throw new RigError(`rig file ${path} is not valid:\n${z.prettifyError(result.error)}`);
  const { buses, ...rig } = result.data;
  const folder = dirname(path);
  return {
    ...rig,
    buses: Object.fromEntries(
      Object.entries(buses).map(([name, { calibration, ...bus }]) => [
        name,
        { ...bus, ...(calibration !== undefined && { calibration: resolve(folder, calibration) }) },
      ]),
    ),
  };
}
