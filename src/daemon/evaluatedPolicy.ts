/** One policy on a list of start poses: what it did on each, and why it failed where it did. */
import type { Rig } from '../config/rig.js';
import { UsageError } from '../contract/errors.js';
import { EPISODE_STEPS, type StartPose } from '../contract/task.js';
import { readEpisode } from '../episodes/readEpisode.js';
import { Sprt, type SprtVerdict } from '../learning/evaluation/sprt.js';
import { loadCheckpoint } from '../policy/checkpoint.js';
import { failureOf } from '../simulation/failures.js';
import type { EpisodeResult, SourceChoice } from './controlJob.js';
import { summarise, type EvaluatedEpisode, type EvaluatedPolicy } from './evaluationResult.js';
import type { FailedEpisode } from './failurePictures.js';
import { playStarts, sourceOf } from './playing.js';
import type { RunListener } from './runListener.js';

/** A policy that is there and fits the task. */
export interface Player {
  /** As the user named it: two checkpoints of one run have the same name inside. */
  readonly name: string;
  readonly source: SourceChoice;
  /** Null for the script. */
  readonly modelSha256: string | null;
}

/** Throws CheckpointError; UsageError for a policy of another task. */
export async function openPlayer(policy: string, { task }: Rig): Promise<Player> {
  const source = sourceOf(policy, task);
  if (source.kind !== 'policy') return { name: policy, source, modelSha256: null };
  const { manifest } = await loadCheckpoint(source.folder);
  if (manifest.task !== task)
    throw new UsageError(
      `${policy} is a policy for ${manifest.task}, the rig's task is ${task}: give --task ${manifest.task}`,
    );
  return { name: policy, source, modelSha256: manifest.modelSha256 };
}

/** Two success rates to tell apart. */
export interface Screen {
  readonly p0: number;
  readonly p1: number;
}

export interface PolicyRun {
  readonly rig: Rig;
  readonly player: Player;
  readonly starts: readonly StartPose[];
  readonly workers: number;
  readonly queryEvery?: number | undefined;
  readonly screen?: Screen | undefined;
  /** Where failed episodes are recorded. */
  readonly folder: string;
}

export interface PlayedPolicy {
  readonly policy: EvaluatedPolicy;
  readonly failed: readonly FailedEpisode[];
  readonly interrupted: boolean;
  /** Empty when it was interrupted before anything was loaded. */
  readonly sceneSha256: string;
  readonly verdict?: SprtVerdict;
}

/** Throws StorageError and what scenes and checkpoints throw. */
export async function playPolicy(
  run: PolicyRun,
  listener: RunListener,
  signal: AbortSignal,
): Promise<PlayedPolicy> {
  const { rig, player, starts, screen } = run;
  const results: (EpisodeResult | undefined)[] = starts.map(() => undefined);
  const screening = screen && new Screening(screen, results);
  let sceneSha256 = '';
  let done = 0;
  let successes = 0;
  const { interrupted, timings } = await playStarts(
    {
      rig,
      source: player.source,
      pace: 'fast',
      steps: EPISODE_STEPS,
      // The evaluation draws only what the policy looks at; failures are drawn from their states afterwards.
      views: [],
      record: { directory: run.folder, images: 'none', keep: 'failures' },
      ...(run.queryEvery !== undefined && { queryEvery: run.queryEvery }),
    },
    starts,
    run.workers,
    {
      onReady: (ready) => ({ sceneSha256 } = ready),
      onWarning: (text) => {
        listener.onLine(text);
      },
      onEpisode: (index, result) => {
        results[index] = result;
        done++;
        if (result.outcome.success) successes++;
        screening?.look();
        listener.onProgress(done, starts.length, `${player.name}: ${successes} of ${done} succeeded`);
      },
    },
    screening ? AbortSignal.any([signal, screening.signal]) : signal,
  );
  const counted = results.slice(0, screening?.looked).filter((result) => result !== undefined);
  const explained = counted.map(explain);
  const latencies = timings.flatMap(({ latency, ticks }) => (latency && ticks > 0 ? [latency] : []));
  return {
    policy: {
      policy: player.name,
      modelSha256: player.modelSha256,
      execution: { ...rig.execution, every: run.queryEvery ?? null },
      latencyMs:
        latencies.length > 0
          ? {
              p50: Math.max(...latencies.map(({ p50Ms }) => p50Ms)),
              p99: Math.max(...latencies.map(({ p99Ms }) => p99Ms)),
            }
          : null,
      ...summarise(explained, screen !== undefined),
    },
    failed: explained.flatMap(({ seed, failure }, i) => {
      const path = counted[i]!.recorded;
      return failure && path !== undefined ? [{ policy: player.name, seed, path, failure }] : [];
    }),
    interrupted: interrupted && screening?.verdict !== 'accept' && screening?.verdict !== 'reject',
    sceneSha256,
    ...(screening && { verdict: screening.verdict }),
  };
}

function explain({ seed, outcome, recorded }: EpisodeResult): EvaluatedEpisode {
  const { success, maxReward, finalReward } = outcome;
  const failure = recorded === undefined ? undefined : failureOf(readEpisode(recorded));
  return {
    seed,
    success,
    maxReward,
    finalReward,
    ...(failure && { failure: { kind: failure.kind, text: failure.text, step: failure.step } }),
  };
}

/**
 * Looks at outcomes in the order of the poses, whichever thread is faster: the same poses are counted in every run.
 */
class Screening {
  /** Outcomes looked at: what was played beyond them does not count. */
  looked = 0;
  readonly #results: readonly (EpisodeResult | undefined)[];
  readonly #test: Sprt;
  readonly #decided = new AbortController();

  constructor({ p0, p1 }: Screen, results: readonly (EpisodeResult | undefined)[]) {
    this.#results = results;
    this.#test = new Sprt({ p0, p1, cap: results.length });
  }

  get verdict(): SprtVerdict {
    return this.#test.verdict;
  }

  /** Aborted once the test has decided. */
  get signal(): AbortSignal {
    return this.#decided.signal;
  }

  look(): void {
    while (this.#test.verdict === 'continue') {
      const next = this.#results[this.looked];
      if (!next) return;
      this.#test.add(next.outcome.success);
      this.looked++;
    }
    this.#decided.abort();
  }
}
