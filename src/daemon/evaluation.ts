/** Evaluation: policies on a pool of start poses, counted so that nobody can doubt it, and what their failures were. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Rig } from '../config/rig.js';
import { ClosedPoolError, UsageError } from '../contract/errors.js';
import { storing } from '../contract/systemError.js';
import type { StartPose } from '../contract/task.js';
import { readPool, type PoolName } from '../simulation/startPoses.js';
import { openPlayer, playPolicy, type PlayedPolicy, type Player, type Screen } from './evaluatedPolicy.js';
import { compare, type EvaluationResult } from './evaluationResult.js';
import { drawFailures, type FailurePictures } from './failurePictures.js';
import { version } from './parts.js';
import { withExecution, type ExecutionChoice } from './playing.js';
import type { RunListener } from './runListener.js';

export interface EvaluationRequest extends ExecutionChoice {
  readonly rig: Rig;
  /** `script`, a shipped policy's name or a checkpoint folder. */
  readonly policy: string;
  /** Another one, played on the same poses. */
  readonly against?: string;
  readonly pool: PoolName;
  /** The first so many poses of the pool; all when absent. */
  readonly episodes?: number;
  readonly workers: number;
  /** Control steps between queries. */
  readonly every?: number;
  /** Stops as soon as the success rate is clearly not the higher one of two, or clearly not the lower one. */
  readonly screen?: Screen;
  /** Why TEST is opened. */
  readonly openTest?: string;
  /** Folder that keeps failed episodes; without it they are gone afterwards. */
  readonly failures?: string;
  /** Contact sheet of failures, and folder for a video of each. */
  readonly sheet?: string;
  readonly videos?: string;
}

export interface EvaluationListener extends RunListener {
  /** Everything is counted. Pictures of failures are drawn after this. */
  onResult(result: EvaluationResult): void;
}

const SCREENED = 'stopped by its outcomes: the share of successes is biased and no estimate';

/**
 * Plays every pose in lockstep: the same request has the same result. An abort ends it early; the result then holds
 * what was finished, and says so. Throws UsageError, ClosedPoolError, CheckpointError, StorageError.
 */
export async function evaluate(
  request: EvaluationRequest,
  listener: EvaluationListener,
  signal: AbortSignal,
): Promise<FailurePictures> {
  requireOpenPool(request);
  if (request.screen && request.against !== undefined)
    throw new UsageError('--screen judges one policy by two rates: leave out --against');
  const rig = withExecution(request.rig, request);
  const starts = posesOf(request);
  const players = [await openPlayer(request.policy, rig)];
  if (request.against !== undefined) players.push(await openPlayer(request.against, rig));

  const temporary = storing(tmpdir(), () => mkdtempSync(join(tmpdir(), 'alohad-eval-')));
  try {
    const folder = request.failures ?? temporary;
    const played = await playAll(request, rig, starts, players, folder, listener, signal);
    listener.onResult(resultOf(request, starts, players, played));
    const failed = played.flatMap((one) => one.failed);
    return await drawFailures(failed, { ...request, rig }, listener, signal);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** One policy after the other, each with all workers. */
async function playAll(
  { workers, every, screen }: EvaluationRequest,
  rig: Rig,
  starts: readonly StartPose[],
  players: readonly Player[],
  folder: string,
  listener: RunListener,
  signal: AbortSignal,
): Promise<PlayedPolicy[]> {
  const played: PlayedPolicy[] = [];
  for (const [i, player] of players.entries()) {
    const run = {
      rig,
      player,
      starts,
      workers,
      queryEvery: every,
      screen,
      // The same seeds twice: in folders of their own.
      folder: players.length > 1 ? join(folder, i === 0 ? 'policy' : 'against') : folder,
    };
    const part: RunListener = {
      onLine: (line) => {
        listener.onLine(line);
      },
      onProgress: (done, total, detail) => {
        listener.onProgress(i * total + done, players.length * total, detail);
      },
    };
    played.push(await playPolicy(run, part, signal));
  }
  return played;
}

function resultOf(
  { rig, pool, openTest, screen }: EvaluationRequest,
  starts: readonly StartPose[],
  players: readonly Player[],
  played: readonly PlayedPolicy[],
): EvaluationResult {
  const [first, second] = played.map(({ policy }) => policy);
  const verdict = played[0]?.verdict;
  return {
    format: 'alohad-evaluation',
    version: 1,
    softwareVersion: version,
    at: new Date().toISOString(),
    task: rig.task,
    sceneSha256: played[0]?.sceneSha256 ?? '',
    pool,
    asked: starts.length,
    complete:
      played.length === players.length && played.every(({ policy }) => policy.played === starts.length),
    interrupted: played.some(({ interrupted }) => interrupted),
    openTest: openTest ?? null,
    screen: screen && verdict ? { ...screen, verdict, note: SCREENED } : null,
    policies: played.map(({ policy }) => policy),
    comparison: first && second ? compare(first.episodes, second.episodes) : null,
  };
}

/** TEST is opened on purpose, once per claim, and never to choose between candidates. */
function requireOpenPool({ pool, openTest, screen }: EvaluationRequest): void {
  if (pool !== 'test') {
    if (openTest !== undefined) throw new UsageError(`--open-test is for --pool test, not for ${pool}`);
    return;
  }
  if (openTest === undefined || openTest.trim() === '')
    throw new ClosedPoolError(
      'the TEST poses are kept back: they are opened once per claim, with --open-test "WHY", which is recorded ' +
        'in the result. Choose with --pool select, report with --pool valid.',
    );
  if (screen)
    throw new ClosedPoolError('--screen chooses between candidates, TEST is for claims: use --pool select');
}

function posesOf({ pool, episodes, rig }: EvaluationRequest): StartPose[] {
  const poses = readPool(pool, rig.task);
  if (episodes !== undefined && episodes > poses.length)
    throw new UsageError(`--pool ${pool} has ${poses.length} poses, ${episodes} were asked for`);
  return poses.slice(0, episodes);
}
