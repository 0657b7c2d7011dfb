/** The folder of a fine-tuning run, opened anew or to be resumed, and its settings. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { readYaml } from '../config/yamlFile.js';
import { CheckpointError, UsageError } from '../contract/errors.js';
import { storing } from '../contract/systemError.js';
import { checkpointName, checkpointSteps } from '../learning/checkpointFolder.js';
import { FIRST, type RunState } from '../learning/finetune/finetune.js';
import { type FinetuneConfig, parseFinetuneConfig } from '../learning/finetune/finetuneConfig.js';
import { RolloutLog } from '../learning/finetune/rolloutLog.js';
import { decodeSafetensors } from '../network/safetensors.js';
import type { FinetuneRequest } from './finetuneRequest.js';

/** Seeds of training start poses of run seed s: s * 100,000 further on, so that runs do not share poses. */
export const SEEDS_PER_RUN = 100_000;

export const evaluationSchema = z.strictObject({
  rollouts: z.int(),
  pool: z.string(),
  successes: z.int(),
  episodes: z.int(),
  wilson95: z.tuple([z.number(), z.number()]),
  maxReward: z.array(z.number()),
  finalReward: z.array(z.number()),
  promoted: z.boolean(),
  reason: z.string(),
  /** Drift, validation loss and waiting, where they were measured. */
  diagnostics: z.record(z.string(), z.number().nullable()).exactOptional(),
});
export type StoredEvaluation = z.infer<typeof evaluationSchema>;

const runSchema = z.strictObject({
  rollouts: z.int(),
  imitationSteps: z.int(),
  stabiliser: z.strictObject({
    imitation: z.number(),
    gamma: z.number(),
    actorSteps: z.number(),
    success: z.number(),
    best: z.number(),
    fallen: z.number(),
  }),
});

export const RUN_FILE = 'run.json';
export const ALGORITHM_FILE = 'algorithm.safetensors';
export const LOOP_FILE = 'loop.safetensors';

export function readConfig({ config: path, overrides }: FinetuneRequest): FinetuneConfig {
  const written = path === undefined ? {} : asRecord(readYaml(path));
  return parseFinetuneConfig(merge(written, overrides), path);
}

function merge(base: Readonly<Record<string, unknown>>, over: Readonly<Record<string, unknown>>): object {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over))
    merged[key] = isRecord(value) ? merge(asRecord(base[key]), value) : value;
  return merged;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const asRecord = (value: unknown): Readonly<Record<string, unknown>> => (isRecord(value) ? value : {});

export interface OpenRun {
  readonly folder: string;
  readonly log: RolloutLog;
  readonly state: RunState;
  /** Newest checkpoint; absent for a new run. */
  readonly checkpoint?: string;
}

export function openRun({ out, resume }: FinetuneRequest, config: FinetuneConfig): OpenRun {
  const configPath = join(out, 'config.json');
  const checkpoints = join(out, 'checkpoints');
  const exists = existsSync(configPath);
  if (resume) {
    if (!exists) throw new CheckpointError(`${out} holds no run to resume; start without --resume`);
    const before: unknown = JSON.parse(readFileSync(configPath, 'utf8'));
    const free = ['rollouts', 'checkpointEvery', 'cacheMegabytes'];
    const changed = Object.keys(config).filter(
      (key) =>
        !free.includes(key) &&
        !isDeepStrictEqual(asRecord(before)[key], asRecord(JSON.parse(JSON.stringify(config)))[key]),
    );
    if (changed.length > 0)
      throw new UsageError(
        `the run was started with other settings (${changed.join(', ')} changed); give the same, or another --out`,
      );
  } else if (exists) {
    throw new UsageError(`${out} holds a run already; add --resume or give another --out`);
  }
  storing(out, () => {
    mkdirSync(checkpoints, { recursive: true });
    mkdirSync(join(out, 'episodes'), { recursive: true });
    writeFileSync(configPath, JSON.stringify(config, null, 2) + '\n');
  });
  const step = checkpointSteps(checkpoints).at(-1);
  const log = new RolloutLog(out);
  if (step === undefined) return { folder: out, log, state: FIRST };
  const checkpoint = join(checkpoints, checkpointName(step));
  const state = runSchema.parse(JSON.parse(readFileSync(join(checkpoint, RUN_FILE), 'utf8')));
  if (log.entries.length < state.rollouts)
    throw new CheckpointError(
      `${out} has a checkpoint after ${state.rollouts} roll-outs, its log knows ${log.entries.length}: it belongs to another run`,
    );
  return { folder: out, log, state, checkpoint };
}

export function readTensors(path: string) {
  return decodeSafetensors(Uint8Array.from(readFileSync(path))).tensors;
}
