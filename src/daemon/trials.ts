/** Autonomous trials: runs control threads, counts successes with an interval, makes the pictures. */
import type { Rig } from '../config/rig.js';
import { UsageError } from '../contract/errors.js';
import { EPISODE_STEPS, type StartPose } from '../contract/task.js';
import { wilson } from '../learning/statistics.js';
import { readPool, sampleStartPose } from '../simulation/startPoses.js';
import { requirePace } from './backends.js';
import type { EpisodeResult } from './controlJob.js';
import { Pictures } from './pictures.js';
import { playStarts, sourceOf, withExecution, type Played } from './playing.js';
import type { RunListener } from './runListener.js';

export interface TrialRequest {
  readonly rig: Rig;
  /** `script`, a shipped policy's name or a checkpoint folder. */
  readonly policy: string;
  readonly poses: 'random' | 'select' | 'valid';
  readonly pace: 'realtime' | 'fast';
  readonly workers: number;
  readonly episodes?: number;
  readonly seed?: number;
  readonly mode?: Rig['execution']['mode'];
  readonly decay?: number;
  readonly every?: number;
  readonly threads?: number;
  readonly sheet?: string;
  readonly video?: string;
  readonly watchPort?: number;
}

/** The result, as `--json` writes it. */
export interface TrialReport {
  readonly task: string;
  readonly policy: string;
  readonly backend: string;
  readonly poses: string;
  readonly pace: string;
  readonly execution: Rig['execution'];
  readonly episodes: number;
  /** False where nobody gives rewards, as on real arms: what is said of success then means nothing. */
  readonly judged: boolean;
  readonly successes: number;
  readonly rate: number;
  readonly wilson95: readonly [number, number];
  readonly maxReward: readonly number[];
  readonly finalReward: readonly number[];
  readonly seeds: readonly number[];
  /** Null when nothing was inferred. */
  readonly latencyMs: { readonly p50: number; readonly p99: number } | null;
  /** Null when ticks did not follow the clock. */
  readonly tick: { readonly lateP50Ms: number; readonly lateP99Ms: number; readonly missed: number } | null;
  readonly clampedTicks: readonly number[];
  readonly interrupted: boolean;
  readonly sheet: string | null;
  readonly video: string | null;
}

/** Start poses of `alohad trial` without a pool: disjoint from demonstrations (0..9999) and from the pools. */
const FIRST_TRIAL_SEED = 2_000_000;
const DEFAULT_EPISODES = 10;

/** Throws the named errors of scenes, checkpoints and cameras; an abort ends the episode in progress safely. */
export async function runTrials(
  request: TrialRequest,
  listener: RunListener,
  signal: AbortSignal,
): Promise<TrialReport> {
  const { pace } = request;
  requirePace(request.rig, request);
  const rig = withExecution(request.rig, request);
  const source = sourceOf(request.policy, rig.task);
  const starts = startsOf(request, rig.task);
  const pictures = await Pictures.open(request, starts, listener);
  const results: (EpisodeResult | undefined)[] = starts.map(() => undefined);
  let actor = { sourceName: request.policy, judged: true };
  let done = 0;
  const tally = (): string => {
    if (!actor.judged) return 'nobody judges';
    const successes = results.filter((result) => result?.outcome.success).length;
    return `${successes} of ${done} succeeded`;
  };

  let played: Played;
  let files: Awaited<ReturnType<Pictures['finish']>>;
  try {
    played = await playStarts(
      {
        rig,
        source,
        pace,
        steps: EPISODE_STEPS,
        views: pictures.views,
        ...(request.every !== undefined && { queryEvery: request.every }),
      },
      starts,
      request.workers,
      {
        onReady: (ready) => {
          actor = ready;
        },
        onWarning: (text) => {
          listener.onLine(text);
        },
        onStep: (index, { step }) => {
          pictures.onStep(index, step, tally());
          listener.onProgress(done + step / EPISODE_STEPS, starts.length, tally());
        },
        onFrame: (index, frame) => {
          pictures.onFrame(index, frame);
        },
        onEpisode: (index, result) => {
          results[index] = result;
          done++;
          listener.onProgress(done, starts.length, tally());
        },
      },
      signal,
    );
    files = await pictures.finish(results);
  } finally {
    await pictures.close();
  }
  return report(request, rig, actor, results, played, files);
}

function report(
  request: TrialRequest,
  rig: Rig,
  { sourceName: policy, judged }: { readonly sourceName: string; readonly judged: boolean },
  results: readonly (EpisodeResult | undefined)[],
  { interrupted, timings }: Played,
  files: { sheet: string | null; video: string | null },
): TrialReport {
  const finished = results.filter((result) => result !== undefined);
  const successes = finished.filter(({ outcome }) => outcome.success).length;
  // Several threads run side by side only as fast as possible; their worst percentile is the honest one to show.
  const worst = (values: readonly number[]): number => Math.max(...values);
  const latencies = timings.flatMap(({ latency }) => (latency ? [latency] : []));
  const { low, high } = wilson(successes, finished.length);
  return {
    task: rig.task,
    policy,
    backend: rig.backend,
    poses: request.poses,
    pace: request.pace,
    execution: rig.execution,
    episodes: finished.length,
    judged,
    successes,
    rate: finished.length > 0 ? successes / finished.length : 0,
    wilson95: [low, high],
    maxReward: finished.map(({ outcome }) => outcome.maxReward),
    finalReward: finished.map(({ outcome }) => outcome.finalReward),
    seeds: finished.map(({ seed }) => seed),
    latencyMs:
      latencies.length > 0
        ? { p50: worst(latencies.map((l) => l.p50Ms)), p99: worst(latencies.map((l) => l.p99Ms)) }
        : null,
    tick:
      request.pace === 'realtime'
        ? {
            lateP50Ms: worst(timings.map(({ late }) => late.p50Ms)),
            lateP99Ms: worst(timings.map(({ late }) => late.p99Ms)),
            missed: timings.reduce((sum, { missed }) => sum + missed, 0),
          }
        : null,
    clampedTicks: finished.reduce<number[]>(
      (sum, { clampedTicks }) => clampedTicks.map((ticks, joint) => ticks + (sum[joint] ?? 0)),
      [],
    ),
    interrupted,
    ...files,
  };
}

function startsOf({ poses, episodes, seed }: TrialRequest, task: Rig['task']): StartPose[] {
  if (poses === 'random') {
    const first = seed ?? FIRST_TRIAL_SEED;
    return Array.from({ length: episodes ?? DEFAULT_EPISODES }, (_, i) => sampleStartPose(task, first + i));
  }
  if (seed !== undefined) throw new UsageError(`--seed draws random poses; --poses ${poses} is a fixed list`);
  const pool = readPool(poses, task);
  if (episodes !== undefined && episodes > pool.length) {
    throw new UsageError(`--poses ${poses} has ${pool.length} poses, ${episodes} were asked for`);
  }
  return pool.slice(0, episodes);
}
