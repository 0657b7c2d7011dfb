/** Lists recorded episodes in a thread that comes and goes: reading many files must not keep an emergency stop waiting. */
import { existsSync } from 'node:fs';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import type { RecordedEpisode } from '../../contract/apiState.js';
import { AlohadError, EXIT } from '../../contract/errors.js';
import { labelEpisode, listEpisodes } from '../episodeTools.js';
import { RemoteError } from '../remoteError.js';

type Answer =
  { readonly episodes: readonly RecordedEpisode[] } | { readonly name: string; readonly message: string };

const jobSchema = z.object({ listEpisodesOf: z.string() });

/** Of a folder that is not there yet: none. Throws EpisodeError. */
export async function listRecorded(folder: string): Promise<readonly RecordedEpisode[]> {
  if (!existsSync(folder)) return [];
  const worker = new Worker(new URL(import.meta.url), { workerData: { listEpisodesOf: folder } });
  const answer = await new Promise<Answer>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  if ('message' in answer) throw new RemoteError(answer.name, answer.message, EXIT.failed);
  return answer.episodes;
}

/** Throws EpisodeError, StorageError. */
export function label(path: string, success: boolean, note: string): void {
  labelEpisode(path, success ? 'success' : 'failure', note);
}

const job = jobSchema.safeParse(workerData);
if (!isMainThread && job.success) parentPort!.postMessage(list(job.data.listEpisodesOf));

function list(folder: string): Answer {
  try {
    return {
      episodes: listEpisodes(folder)
        .episodes.toSorted((a, b) => a.recordedAt - b.recordedAt)
        .map(({ name, path, recordedAt, info, outcome, success, label: said }) => ({
          name,
          path,
          task: info.task,
          source: info.source,
          seed: info.seed,
          steps: outcome.steps,
          maxReward: outcome.maxReward,
          recordedAt,
          success,
          ...(said && { label: { note: said.note, at: said.labelledAt } }),
          ...(outcome.rejected !== undefined && { rejected: outcome.rejected }),
        })),
    };
  } catch (error) {
    const known = error instanceof AlohadError;
    return {
      name: known ? error.name : 'UnexpectedError',
      message: error instanceof Error ? error.message : String(error),
    };
  }
}
