/** The facts of an episode as MCAP metadata: one JSON value per key, so that a viewer shows them and we read them back. */
import { z } from 'zod';
import type { EpisodeInfo, EpisodeOutcome, RecordingQuality } from '../contract/episode.js';
import { EpisodeError } from '../contract/errors.js';
import { TASKS } from '../contract/task.js';

export const infoSchema: z.ZodType<EpisodeInfo> = z.object({
  task: z.enum(TASKS),
  backend: z.enum(['sim', 'real', 'emulated', 'ros']),
  source: z.string(),
  seed: z.number(),
  startObjects: z.array(z.number()),
  softwareVersion: z.string(),
  gripper: z.record(z.string(), z.number()),
  cameras: z.array(z.string()),
  extra: z.record(z.string(), z.string()),
});

const timesSchema = z.object({ p50Ms: z.number(), p99Ms: z.number(), maxMs: z.number() });

const qualitySchema: z.ZodType<RecordingQuality> = z.object({
  rateHz: z.number(),
  period: timesSchema,
  droppedSteps: z.number(),
  cameras: z.record(
    z.string(),
    z.object({ frames: z.number(), dropped: z.number(), stillMs: z.number(), age: timesSchema }),
  ),
});

export const outcomeSchema: z.ZodType<EpisodeOutcome> = z.object({
  steps: z.number().int().nonnegative(),
  maxReward: z.number(),
  finalReward: z.number(),
  success: z.boolean(),
  quality: qualitySchema.optional(),
  rejected: z.string().optional(),
});

export function encodeFacts(facts: Readonly<Record<string, unknown>>): Map<string, string> {
  return new Map(Object.entries(facts).map(([key, value]) => [key, JSON.stringify(value)]));
}

export const decodeInfo = (path: string, entries: ReadonlyMap<string, string>): EpisodeInfo =>
  decode(path, infoSchema, entries);

export const decodeOutcome = (path: string, entries: ReadonlyMap<string, string>): EpisodeOutcome =>
  decode(path, outcomeSchema, entries);

/** One string among the facts; undefined when it is missing or not a string. */
export function stringFact(entries: ReadonlyMap<string, string>, key: string): string | undefined {
  try {
    const value: unknown = JSON.parse(entries.get(key) ?? 'null');
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

function decode<T>(path: string, schema: z.ZodType<T>, entries: ReadonlyMap<string, string>): T {
  let facts: unknown;
  try {
    facts = Object.fromEntries([...entries].map(([key, value]) => [key, JSON.parse(value) as unknown]));
  } catch (error) {
    throw new EpisodeError(`${path}: its metadata are not JSON`, { cause: error });
  }
  const result = schema.safeParse(facts);
  if (!result.success) throw new EpisodeError(`${path}: bad metadata\n${z.prettifyError(result.error)}`);
  return result.data;
}
