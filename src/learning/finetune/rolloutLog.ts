/**
 * What was rolled out, one line per roll-out, appended before anything is learned from it. A run that was killed reads
 * it back: roll-outs behind the last checkpoint are learned from again and not played again, so that a resumed run ends
 * as one that was never stopped - on a real robot too, where nothing can be played twice.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { CheckpointError } from '../../contract/errors.js';
import { appendLine, openLines } from '../jsonLines.js';

const entrySchema = z.strictObject({
  index: z.int().nonnegative(),
  seed: z.int().nonnegative(),
  path: z.string(),
  actorVersion: z.int().nonnegative(),
  steps: z.int().positive(),
  maxReward: z.number(),
  finalReward: z.number(),
  /** Runs of equal reward, as [reward, steps] pairs. */
  reward: z.array(z.tuple([z.number(), z.int().positive()])),
});

export interface LoggedRollout {
  readonly index: number;
  readonly seed: number;
  readonly path: string;
  readonly actorVersion: number;
  readonly maxReward: number;
  readonly finalReward: number;
  /** (T,) reward after each step. */
  readonly reward: Float64Array;
}

export class RolloutLog {
  readonly #path: string;
  readonly #entries: LoggedRollout[];

  /** Throws CheckpointError for a log that is not ours; a torn last line is dropped. */
  constructor(folder: string) {
    this.#path = join(folder, 'rollouts.jsonl');
    const lines = openLines(this.#path);
    this.#entries = lines.map((line, number) => parse(line, this.#path, number));
  }

  get entries(): readonly LoggedRollout[] {
    return this.#entries;
  }

  /** Throws StorageError; the log is then as before. */
  append(rollout: LoggedRollout): void {
    const { reward, ...facts } = rollout;
    appendLine(this.#path, { ...facts, steps: reward.length, reward: runLengths(reward) });
    this.#entries.push(rollout);
  }
}

function parse(line: string, path: string, number: number): LoggedRollout {
  try {
    const { steps, reward: runs, ...facts } = entrySchema.parse(JSON.parse(line));
    if (facts.index !== number) throw new RangeError(`roll-out ${facts.index} stands in line ${number + 1}`);
    const reward = new Float64Array(steps);
    let at = 0;
    for (const [value, count] of runs) reward.fill(value, at, (at += count));
    return { ...facts, reward };
  } catch (cause) {
    throw new CheckpointError(
      `${path} is damaged in line ${number + 1}: ${String(cause)}. Cut the file before that line to go on from there`,
      { cause },
    );
  }
}

function runLengths(values: ArrayLike<number>): [number, number][] {
  const runs: [number, number][] = [];
  for (let i = 0; i < values.length; i++) {
    const last = runs.at(-1);
    if (last?.[0] === values[i]) last![1]++;
    else runs.push([values[i]!, 1]);
  }
  return runs;
}
