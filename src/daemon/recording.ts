/** Recording demonstrations: control threads with a recorder, until enough episodes are kept. */
import type { Rig } from '../config/rig.js';
import { UsageError } from '../contract/errors.js';
import { EPISODE_STEPS } from '../contract/task.js';
import { sampleStartPose } from '../simulation/startPoses.js';
import { requirePace } from './backends.js';
import type { SourceChoice } from './controlJob.js';
import { runControlThread } from './controlThread.js';
import { sourceOf } from './playing.js';
import type { RunListener } from './runListener.js';

export interface RecordRequest {
  readonly rig: Rig;
  readonly policy: string;
  readonly episodes: number;
  readonly seed: number;
  readonly directory: string;
  readonly images: 'jpeg' | 'none';
  readonly keep: 'successes' | 'all';
  /** Script only: largest shift of a waypoint [m] and change of a segment's duration (fraction). */
  readonly waypointNoise: number;
  readonly timing: number;
  /** Simulation only: shakes open hands by so much [rad]; the recorded commands stay clean. */
  readonly shake: number;
  readonly workers: number;
  readonly pace: 'realtime' | 'fast';
}

export interface RecordReport {
  readonly directory: string;
  readonly attempted: number;
  /** Of what was judged at all; see contract/episode.ts. */
  readonly successes: number;
  readonly kept: number;
  /** Kept, but not to be learned from. */
  readonly rejected: number;
  readonly files: readonly string[];
  readonly interrupted: boolean;
}

/** Gives up when this many times the wanted episodes were tried: an actor that never succeeds would go on for ever. */
const MOST_ATTEMPTS_PER_EPISODE = 5;

/** Throws StorageError, UsageError and what scenes and checkpoints throw. */
export async function recordEpisodes(
  request: RecordRequest,
  listener: RunListener,
  signal: AbortSignal,
): Promise<RecordReport> {
  const { rig, episodes, workers, pace } = request;
  requirePace(rig, request);
  if (request.shake > 0 && rig.backend !== 'sim') throw new UsageError('--shake needs --backend sim');
  const source: SourceChoice =
    request.policy === 'script'
      ? { kind: 'script', waypointNoiseM: request.waypointNoise, timing: request.timing }
      : sourceOf(request.policy, rig.task);
  const files: string[] = [];
  let attempted = 0;
  let judged = true;
  let rejected = 0;
  let successes = 0;
  let interrupted = false;
  let seed = request.seed;

  // Rounds, each as long as what is still missing: failures are replaced by fresh seeds.
  for (;;) {
    const hopeless = attempted >= episodes * MOST_ATTEMPTS_PER_EPISODE;
    // Who wants examples wants those that can be learned from.
    const missing = episodes - (files.length - (request.keep === 'successes' ? rejected : 0));
    if (missing <= 0 || interrupted || hopeless) break;
    const starts = Array.from({ length: missing }, () => sampleStartPose(rig.task, seed++));
    const threads = Math.min(workers, missing);
    const runs = await Promise.all(
      Array.from({ length: threads }, (_, thread) =>
        runControlThread(
          {
            rig,
            source,
            starts: starts.filter((__, index) => index % threads === thread),
            pace,
            steps: EPISODE_STEPS,
            views: [],
            shakeRad: request.shake,
            record: { directory: request.directory, images: request.images, keep: request.keep },
          },
          (event) => {
            if (event.kind === 'ready') ({ judged } = event);
            if (event.kind === 'warning') listener.onLine(event.text);
            if (event.kind !== 'episode') return;
            attempted++;
            if (event.result.outcome.success) successes++;
            if (event.result.recorded !== undefined) files.push(event.result.recorded);
            if (event.result.rejected !== undefined) {
              rejected++;
              listener.onLine(`seed ${event.result.seed} is REJECTED: ${event.result.rejected}`);
            }
            listener.onProgress(
              files.length,
              episodes,
              judged ? `${successes} of ${attempted} succeeded` : 'nothing here tells a success: label them',
            );
          },
          signal,
        ),
      ),
    );
    interrupted = runs.some((run) => run.interrupted);
  }
  return {
    directory: request.directory,
    attempted,
    successes,
    kept: files.length,
    rejected,
    files: files.sort(),
    interrupted,
  };
}
