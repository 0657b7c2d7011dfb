/** The result of `alohad eval`: what `--json` writes, what `--compare` reads, and how two of them are paired. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { PoseMismatchError, UsageError } from '../contract/errors.js';
import { meaningOf } from '../contract/systemError.js';
import { MAX_REWARD, TASKS } from '../contract/task.js';
import { exactMcnemar } from '../learning/evaluation/mcnemar.js';
import { clopperPearson, wilson } from '../learning/statistics.js';
import { countFailures } from '../simulation/failures.js';
import { FAILURE_KINDS } from '../simulation/failures/failure.js';
import { POOLS } from '../simulation/startPoses.js';

const count = z.int().nonnegative();
const interval = z.tuple([z.number(), z.number()]);

const episodeSchema = z.strictObject({
  seed: count,
  success: z.boolean(),
  maxReward: z.number(),
  finalReward: z.number(),
  failure: z.strictObject({ kind: z.enum(FAILURE_KINDS), text: z.string(), step: count }).exactOptional(),
});
/** One pose, played. */
export type EvaluatedEpisode = z.infer<typeof episodeSchema>;

const policySchema = z.strictObject({
  policy: z.string(),
  /** Null for the script. */
  modelSha256: z.string().nullable(),
  execution: z.strictObject({
    mode: z.enum(['ensemble', 'chunk', 'blend']),
    decay: z.number(),
    threads: count,
    every: count.nullable(),
  }),
  latencyMs: z.strictObject({ p50: z.number(), p99: z.number() }).nullable(),
  played: count,
  successes: count,
  /** Null where the number of episodes depends on how they ended: such a share is no estimate. */
  rate: z.number().nullable(),
  wilson95: interval.nullable(),
  clopperPearson95: interval.nullable(),
  /** Episodes that reached a reward of at least 1, 2, 3, 4. */
  reached: z.array(count).length(MAX_REWARD),
  /** Episodes that ended with the highest reward. */
  finalReward4: count,
  failures: z.array(z.strictObject({ kind: z.enum(FAILURE_KINDS), count })),
  /** In the order of the pool. */
  episodes: z.array(episodeSchema),
});
export type EvaluatedPolicy = z.infer<typeof policySchema>;

const comparisonSchema = z.strictObject({
  poses: count,
  /** Poses that only the first policy solved, and only the second. */
  won: count,
  lost: count,
  /** Exact McNemar test. */
  twoSidedP: z.number(),
});
export type Comparison = z.infer<typeof comparisonSchema>;

const resultSchema = z.strictObject({
  format: z.literal('alohad-evaluation'),
  version: z.literal(1),
  softwareVersion: z.string(),
  at: z.string(),
  task: z.enum(TASKS),
  sceneSha256: z.string(),
  pool: z.enum(POOLS),
  /** Poses that were to be played, from the beginning of the pool. */
  asked: count,
  /** Whether every policy played all of them. */
  complete: z.boolean(),
  interrupted: z.boolean(),
  /** Why TEST was opened; null for the other pools. */
  openTest: z.string().nullable(),
  screen: z
    .strictObject({
      p0: z.number(),
      p1: z.number(),
      verdict: z.enum(['accept', 'reject', 'continue', 'undecided']),
      note: z.string(),
    })
    .nullable(),
  policies: z.array(policySchema).min(1).max(2),
  comparison: comparisonSchema.nullable(),
});
export type EvaluationResult = z.infer<typeof resultSchema>;

/** What can be said of the episodes. `screened`: they were stopped by how they ended. */
export function summarise(
  episodes: readonly EvaluatedEpisode[],
  screened: boolean,
): Omit<EvaluatedPolicy, 'policy' | 'modelSha256' | 'execution' | 'latencyMs'> {
  const played = episodes.length;
  const successes = episodes.filter(({ success }) => success).length;
  const estimated = played > 0 && !screened;
  const ends = ({ low, high }: { low: number; high: number }): [number, number] => [low, high];
  return {
    played,
    successes,
    rate: estimated ? successes / played : null,
    wilson95: estimated ? ends(wilson(successes, played)) : null,
    clopperPearson95: estimated ? ends(clopperPearson(successes, played)) : null,
    reached: Array.from(
      { length: MAX_REWARD },
      (_, i) => episodes.filter(({ maxReward }) => maxReward > i).length,
    ),
    finalReward4: episodes.filter(({ finalReward }) => finalReward >= MAX_REWARD).length,
    failures: [...countFailures(episodes.flatMap(({ failure }) => (failure ? [failure] : [])))],
    episodes: [...episodes],
  };
}

/** Pairs two policies on the poses that both played. */
export function compare(first: readonly EvaluatedEpisode[], second: readonly EvaluatedEpisode[]): Comparison {
  const others = new Map(second.map(({ seed, success }) => [seed, success]));
  const pairs = first.flatMap(({ seed, success }) => {
    const other = others.get(seed);
    return other === undefined ? [] : [[success, other] as const];
  });
  const won = pairs.filter(([a, b]) => a && !b).length;
  const lost = pairs.filter(([a, b]) => !a && b).length;
  return { poses: pairs.length, won, lost, twoSidedP: exactMcnemar(won, lost).twoSided };
}

/** Reads a result of `alohad eval --json`. Throws UsageError. */
export function readEvaluation(path: string): EvaluationResult {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${meaningOf(error)}`, { cause: error });
  }
  const parsed = resultSchema.safeParse(json);
  if (!parsed.success)
    throw new UsageError(`${path} is not a result of alohad eval --json:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** A stored result under the name of its file. */
export interface StoredResult {
  readonly path: string;
  readonly result: EvaluationResult;
}

/** Compares the first policies of two stored results. Throws PoseMismatchError, UsageError where that has no meaning. */
export function compareStored(first: StoredResult, second: StoredResult): Comparison {
  for (const { path, result } of [first, second]) {
    if (result.screen)
      throw new UsageError(
        `${path} is a screening: how many poses it played depends on how they ended. Evaluate without --screen.`,
      );
    if (!result.complete)
      throw new UsageError(
        `${path} is of an interrupted evaluation: ${result.policies[0]!.played} of ${result.asked} poses. Run it again.`,
      );
  }
  const differing = (what: string, of: (result: EvaluationResult) => string | number): void => {
    const [a, b] = [of(first.result), of(second.result)];
    if (a !== b)
      throw new PoseMismatchError(
        `${first.path} and ${second.path} cannot be paired: ${what} ${a} and ${b}. ` +
          'McNemar needs the same start poses: evaluate both alike.',
      );
  };
  differing('task', ({ task }) => task);
  differing('pool', ({ pool }) => pool);
  differing('number of poses', ({ asked }) => asked);
  differing('scene', ({ sceneSha256 }) => sceneSha256.slice(0, 12));
  differing('seeds', ({ policies }) => policies[0]!.episodes.map(({ seed }) => seed).join(' '));
  return compare(first.result.policies[0]!.episodes, second.result.policies[0]!.episodes);
}
