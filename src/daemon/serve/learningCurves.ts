/** Reads how a fine-tuning run does from the files in its folder, which its process appends to. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { LearningState } from '../../contract/apiState.js';
import { MAX_REWARD } from '../../contract/task.js';
import { evaluationSchema } from '../finetuneRun.js';

/** Roll-outs over which success is averaged. */
const WINDOW = 20;
/** Points of the curve that are told: the newest. */
const MOST_POINTS = 500;

const rolloutSchema = z.object({ maxReward: z.number() });

/** How often the files of a learner are looked at [ms]. */
export const LEARNING_PERIOD_MS = 2000;

/** The run's curves; a folder that is not there yet has none. */
export async function readLearning(folder: string): Promise<LearningState> {
  const rollouts = await readLines(join(folder, 'rollouts.jsonl'), rolloutSchema);
  const evaluations = await readLines(join(folder, 'evaluations.jsonl'), evaluationSchema);
  const solved = rollouts.map(({ maxReward }) => (maxReward >= MAX_REWARD ? 1 : 0));
  const success = solved.map((_, i) => {
    const window = solved.slice(Math.max(0, i + 1 - WINDOW), i + 1);
    return window.reduce((sum: number, value) => sum + value, 0) / window.length;
  });
  return {
    folder,
    rollouts: rollouts.length,
    success: success.slice(-MOST_POINTS),
    evaluations: evaluations.map(({ rollouts: after, successes, episodes, wilson95, promoted }) => ({
      rollouts: after,
      successes,
      episodes,
      wilson95,
      promoted,
    })),
  };
}

/** Whole lines that fit; the last one may be being written. */
async function readLines<T>(path: string, schema: z.ZodType<T>): Promise<T[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return [];
  }
  return text
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => {
      try {
        return [schema.parse(JSON.parse(line))];
      } catch {
        return [];
      }
    });
}
