/** What went wrong in the last roll-outs of a fine-tuning run: kinds of failure, with pictures and a film of each. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rig } from '../config/rig.js';
import { EpisodeError } from '../contract/errors.js';
import { MAX_REWARD } from '../contract/task.js';
import { readEpisode } from '../episodes/readEpisode.js';
import { RolloutLog } from '../learning/finetune/rolloutLog.js';
import { countFailures, failureOf } from '../simulation/failures.js';
import { drawFailures, type FailedEpisode } from './failurePictures.js';
import { writeReport, type FailureGroup } from './finetuneReport.js';
import type { RunListener } from './runListener.js';

/** Roll-outs that are looked at, from the end. */
const LAST = 100;
/** Failures of a kind that are shown. */
const SHOWN = 4;

/** The report of a run with its failures drawn; returns its path. Throws CheckpointError, StorageError. */
export async function reportRun(
  folder: string,
  rig: Rig,
  listener: RunListener,
  signal: AbortSignal,
  out?: string,
): Promise<string> {
  return writeReport(folder, await failuresOfRun(folder, rig, listener, signal), out);
}

/** Pictures and films go to `failures/` of the run. Throws StorageError; roll-outs that cannot be read are passed over. */
async function failuresOfRun(
  folder: string,
  rig: Rig,
  listener: RunListener,
  signal: AbortSignal,
): Promise<FailureGroup[]> {
  const failed = new RolloutLog(folder).entries
    .slice(-LAST)
    .filter(({ maxReward, path }) => maxReward < MAX_REWARD && existsSync(path))
    .flatMap(({ seed, path }) => explained(seed, path));
  const groups: FailureGroup[] = [];
  for (const { kind, count } of countFailures(failed.map(({ failure }) => failure))) {
    const some = failed.filter(({ failure }) => failure.kind === kind).slice(0, SHOWN);
    const sheet = join(folder, 'failures', `${kind.replaceAll(' ', '-')}.png`);
    const drawn = await drawFailures(some, { rig, sheet }, listener, signal);
    const filmed = await drawFailures(
      some.slice(0, 1),
      { rig, videos: join(folder, 'failures') },
      listener,
      signal,
    );
    groups.push({
      label: kind,
      count,
      ...(drawn.sheet !== null && { picture: readFileSync(drawn.sheet) }),
      ...(filmed.videos[0] !== undefined && { film: filmed.videos[0] }),
    });
  }
  return groups;
}

function explained(seed: number, path: string): FailedEpisode[] {
  try {
    const failure = failureOf(readEpisode(path));
    return failure ? [{ policy: 'rollout', seed, path, failure }] : [];
  } catch (error) {
    if (error instanceof EpisodeError) return [];
    throw error;
  }
}
