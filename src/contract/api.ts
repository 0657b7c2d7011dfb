/**
 * The control API, version 1: messages between a daemon and its clients over one WebSocket.
 *
 * Clients send commands as JSON text, each with `v` and optionally an `id` of their choosing. Every one is answered
 * with `ok` or `refused`, which repeat the `id`. States and events come unasked. Binary messages are streams; see
 * apiFrames.ts. Nothing here reaches a robot directly: `move` asks a source of actions, which the loop limits.
 */
import { z } from 'zod';
import type { ServedState } from './apiState.js';
import { DOF } from './robot.js';
import { velocitySchema } from './velocity.js';
import { TASKS } from './task.js';

export const API_VERSION = 1;

/** Longest message that is read [bytes]. */
export const MESSAGE_BYTES = 64 * 1024;

const envelope = {
  v: z.literal(API_VERSION),
  id: z.union([z.string().max(64), z.int()]).optional(),
};
const name = z.string().min(1).max(256);
const path = z.string().min(1).max(4096);
const seed = z.int().min(0).max(1e9);

/** Most points of one move: a longer trajectory is sent in parts. */
export const MOVE_POINTS = 256;

/**
 * Where some joints are to be and when, in mode `remote`. It takes the place of what was asked of these joints before.
 * Between points goals go along straight lines; the arms go slowly to a first point that is far away or too soon.
 */
export const moveSchema = z
  .strictObject({
    /** Entries of the 14-vector. */
    joints: z
      .array(
        z
          .int()
          .min(0)
          .max(DOF - 1),
      )
      .min(1)
      .max(DOF),
    points: z
      .array(
        z.strictObject({
          /** From when the move arrives [s]. */
          timeS: z.number().min(0).max(3600),
          /** One for each of `joints`: rad, grippers normalised. */
          positions: z.array(z.number()).min(1).max(DOF),
        }),
      )
      .min(1)
      .max(MOVE_POINTS),
  })
  .refine(({ joints }) => new Set(joints).size === joints.length, 'a joint is named twice')
  .refine(
    ({ joints, points }) => points.every(({ positions }) => positions.length === joints.length),
    'each point needs one position for each joint',
  )
  .refine(
    ({ points }) => points.every(({ timeS }, i) => i === 0 || timeS > points[i - 1]!.timeS),
    'the times of the points must increase',
  );
export type Move = z.output<typeof moveSchema>;

const runChoice = {
  /** `script`, a shipped policy's name or a checkpoint folder. */
  policy: path.default('shipped'),
  task: z.enum(TASKS).optional(),
  episodes: z.int().min(1).max(100_000).default(10),
  seed: seed.optional(),
  /** Length of an episode, unless it is ended before [s]; as the task means it when absent, teleoperated ones 20. */
  seconds: z.number().min(1).max(3600).optional(),
};

/** What a mode needs to be told. */
export const modeRequestSchema = z.discriminatedUnion('mode', [
  /** Arms stiff (`hold`) or without torque (`limp`; parked before). */
  z.strictObject({ mode: z.literal('idle'), torque: z.enum(['hold', 'limp']).default('hold') }),
  z.strictObject({ mode: z.literal('teleop') }),
  /** The arms do what whoever is in control asks with `move`, until that client leaves or loses control. */
  z.strictObject({ mode: z.literal('remote') }),
  z.strictObject({
    mode: z.literal('trial'),
    ...runChoice,
    poses: z.enum(['random', 'select', 'valid']).default('random'),
    execution: z.enum(['ensemble', 'chunk', 'blend']).optional(),
  }),
  z.strictObject({
    mode: z.literal('record'),
    ...runChoice,
    policy: path.default('script'),
    folder: path.optional(),
    images: z.enum(['jpeg', 'none']).default('none'),
    keep: z.enum(['successes', 'all']).default('all'),
  }),
  z.strictObject({ mode: z.literal('replay'), episode: path }),
  z.strictObject({
    mode: z.literal('finetune'),
    policy: path,
    demonstrations: path,
    out: path,
    config: path.optional(),
    rollouts: z.int().min(1).max(10_000_000).optional(),
    workers: z.int().min(1).max(64).default(1),
  }),
]);
export type ModeRequest = z.output<typeof modeRequestSchema>;

export const commandSchema = z.discriminatedUnion('type', [
  /** Names the client, for others to see. */
  z.strictObject({ ...envelope, type: z.literal('hello'), name }),
  z.strictObject({ ...envelope, type: z.literal('ping') }),
  /** Answered with the present state. */
  z.strictObject({ ...envelope, type: z.literal('state') }),
  /** Which streams to send; takes the place of the last subscription. */
  z.strictObject({
    ...envelope,
    type: z.literal('subscribe'),
    cameras: z.array(name).max(16).default([]),
    joints: z.boolean().default(false),
    chunks: z.boolean().default(false),
  }),
  /** `force` takes control away from whoever has it. */
  z.strictObject({ ...envelope, type: z.literal('take_control'), force: z.boolean().default(false) }),
  z.strictObject({ ...envelope, type: z.literal('release_control') }),
  /** Accepted from everybody, always. The arms hold. */
  z.strictObject({ ...envelope, type: z.literal('emergency_stop') }),
  z.strictObject({ ...envelope, type: z.literal('clear_emergency_stop') }),
  z.strictObject({ ...envelope, type: z.literal('mode'), request: modeRequestSchema }),
  /** Joint goals in mode `remote`. */
  z.strictObject({ ...envelope, type: z.literal('move'), moves: z.array(moveSchema).min(1).max(DOF) }),
  z.strictObject({
    ...envelope,
    type: z.literal('backend'),
    backend: z.enum(['sim', 'real', 'emulated', 'ros']),
  }),
  /**
   * Restarts servos of an arm of the rig that have shut down: the arms are parked, where they can be, and connected anew.
   * Whoever asks has seen to it that nothing is pressed against and nothing can fall.
   */
  z.strictObject({ ...envelope, type: z.literal('reboot'), arm: name }),
  /** The episode in progress ends here and counts, or is thrown away and played again from its start. */
  z.strictObject({ ...envelope, type: z.literal('take'), what: z.enum(['end', 'again']) }),
  /** Largest speed that any joint may be told [rad/s], from the next tick on and until the daemon ends. */
  z.strictObject({ ...envelope, type: z.literal('limit'), velocityRadPerS: velocitySchema }),
  /** Episodes of a folder, newest last; the daemon's own folder when absent. */
  z.strictObject({ ...envelope, type: z.literal('episodes'), folder: path.optional() }),
  z.strictObject({
    ...envelope,
    type: z.literal('label'),
    episode: path,
    success: z.boolean(),
    note: z.string().max(1000).default(''),
  }),
]);
export type Command = z.output<typeof commandSchema>;
export type CommandType = Command['type'];
/** As a client writes it: what has a default may be left out. */
export type CommandInput = DistributiveOmit<z.input<typeof commandSchema>, 'v' | 'id'>;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** Commands that only whoever is in control may give. */
export const CONTROLLING: readonly CommandType[] = [
  'mode',
  'move',
  'backend',
  'reboot',
  'limit',
  'take',
  'clear_emergency_stop',
];

export type MessageId = string | number;

export interface NamedError {
  readonly name: string;
  readonly message: string;
}

/** From the daemon. */
export type ServerMessage = { readonly v: typeof API_VERSION } & (
  | { readonly type: 'welcome'; readonly client: number; readonly state: ServedState }
  /** `state` answers `state`, `result` whatever else has one. */
  | {
      readonly type: 'ok';
      readonly id?: MessageId;
      readonly result?: unknown;
      readonly state?: ServedState;
    }
  | { readonly type: 'refused'; readonly id?: MessageId; readonly error: NamedError }
  | { readonly type: 'state'; readonly state: ServedState }
  | { readonly type: 'event'; readonly at: number; readonly level: 'info' | 'warn'; readonly text: string }
);
