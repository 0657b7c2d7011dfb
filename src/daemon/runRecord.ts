/** Reads back what a fine-tuning run wrote down, finished or not. Changes nothing: the run may be going on. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CheckpointError } from '../contract/errors.js';
import { readLines } from '../learning/jsonLines.js';
import { type StoredEvaluation, evaluationSchema } from './finetuneRun.js';

/** Numbers of one roll-out; those that were not finite are null. */
const metricsSchema = z
  .object({ rollout: z.int(), maxReward: z.number().nullable().default(null) })
  .catchall(z.number().nullable());
export type Metrics = z.infer<typeof metricsSchema>;

const timeSchema = z.object({
  wallS: z.number(),
  playingS: z.number(),
  learningS: z.number(),
  cloningS: z.number(),
});

const eventSchema = z.looseObject({
  at: z.string(),
  /** At the end of a start of the run. */
  time: z.unknown().optional(),
  text: z.string().exactOptional(),
  session: z.looseObject({ command: z.string(), version: z.string(), from: z.int() }).exactOptional(),
});
export type RunEvent = z.infer<typeof eventSchema>;

const configSchema = z.looseObject({ name: z.string(), algorithm: z.string(), seed: z.int() });

export interface RunRecord {
  readonly folder: string;
  readonly config: z.infer<typeof configSchema>;
  readonly metrics: readonly Metrics[];
  readonly evaluations: readonly StoredEvaluation[];
  readonly events: readonly RunEvent[];
}

/** Throws CheckpointError when `folder` holds no run or a file in it is damaged. */
export function readRun(folder: string): RunRecord {
  const configPath = join(folder, 'config.json');
  if (!existsSync(configPath))
    throw new CheckpointError(
      `${folder} holds no fine-tuning run: give the folder of \`alohad finetune --out\``,
    );
  const lines = <T>(name: string, schema: z.ZodType<T>): T[] => {
    const path = join(folder, name);
    return readLines(path).map((line, i) => read(`${path} line ${i + 1}`, line, schema));
  };
  return {
    folder,
    config: read(configPath, readFileSync(configPath, 'utf8'), configSchema),
    metrics: lines('metrics.jsonl', metricsSchema),
    evaluations: lines('evaluations.jsonl', evaluationSchema),
    events: lines('events.jsonl', eventSchema),
  };
}

function read<T>(place: string, text: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new CheckpointError(`${place} is damaged: ${String(cause)}`, { cause });
  }
}

/** What the run has cost. */
export interface RunCost {
  readonly rollouts: number;
  /** Branches, four of which count as one roll-out: they are a quarter as long. */
  readonly branches: number;
  /** Roll-outs of evaluations, by which policies are selected. */
  readonly selection: number;
  /** All of them. */
  readonly total: number;
  readonly cloningSteps: number;
  /** Of the actor besides cloning. */
  readonly actorSteps: number;
  readonly criticSteps: number;
  /** Of all starts of the run [s]. */
  readonly wallS: number;
  readonly playingS: number;
  readonly learningS: number;
  readonly cloningS: number;
}

export function costOf({ metrics, evaluations, events }: RunRecord): RunCost {
  const last = metrics.at(-1);
  const sum = (name: string) => metrics.reduce((all, line) => all + (line[name] ?? 0), 0);
  const selection = evaluations.reduce((all, { episodes }) => all + episodes, 0);
  const branches = sum('branches');
  const cloningSteps = last?.['cloningSteps'] ?? 0;
  return {
    rollouts: metrics.length,
    branches,
    selection,
    total: metrics.length + branches / 4 + selection,
    cloningSteps,
    actorSteps: (last?.['actorSteps'] ?? 0) - cloningSteps,
    criticSteps: sum('criticSteps'),
    ...longest([last, ...events.map(({ time }) => time)].map((time) => timeSchema.safeParse(time).data)),
  };
}

/** A run that was killed has no time of its end, one that ended evaluated after its last roll-out. */
function longest(times: readonly (z.infer<typeof timeSchema> | undefined)[]): z.infer<typeof timeSchema> {
  const none = { wallS: 0, playingS: 0, learningS: 0, cloningS: 0 };
  return times.reduce<z.infer<typeof timeSchema>>((a, b) => (b && b.wallS > a.wallS ? b : a), none);
}
