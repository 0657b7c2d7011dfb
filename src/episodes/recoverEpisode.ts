/**
 * Makes a torn episode whole (`NAME.part.mcap`, or `NAME.torn.mcap` that its recorder gave up): cuts it behind the last finished chunk, writes outcome and end, renames it.
 *
 * In place, so that it also works on a full disk, and idempotent: killed at any moment it leaves a torn file again.
 */
import { copyFileSync, existsSync, rmSync, statSync } from 'node:fs';
import { EpisodeError } from '../contract/errors.js';
import { FileSink } from './byteSink.js';
import { EPISODE_SUFFIX, PART_SUFFIX, publish, TORN_SUFFIX } from './episodeWriter.js';
import { encodeFacts, stringFact } from './facts.js';
import { McapFile } from './mcapFile.js';
import { isAlive } from './processToken.js';
import { outcomeOf } from './readEpisode.js';
import { FLOAT64 } from './rosMessages.js';
import { METADATA, REWARD_TOPIC } from './topics.js';
import { walkMcap } from './walkMcap.js';
import { storing } from '../contract/systemError.js';

export interface Recovery {
  /** The file as found. */
  readonly partPath: string;
  /** `recovered`; `empty`: not one step was finished, the file is gone; `in use`: its recorder still runs. */
  readonly result: 'recovered' | 'empty' | 'in use';
  /** The file made whole; set when recovered. */
  readonly path?: string;
  readonly steps: number;
  /** Bytes cut off the end. */
  readonly lostBytes: number;
  /** What was wrong with it. */
  readonly reason: string;
  /** Where the file as found was kept, since bytes in it were wrong rather than missing. */
  readonly damagedCopy?: string;
}

/** A recorder writes the first record well within this time [ms]. */
const BEGINNING_MS = 10_000;

/** Whether `path` is named as a recording that was not finished. */
export const isUnfinished = (path: string): boolean => suffixOf(path) !== undefined;

const suffixOf = (path: string) => [PART_SUFFIX, TORN_SUFFIX].find((suffix) => path.endsWith(suffix));

/**
 * Recovers the unfinished recording at `partPath`. Throws StorageError, and EpisodeError when it is no episode at all
 * or an episode of that name exists.
 */
export function recoverEpisode(partPath: string): Recovery {
  const suffix = suffixOf(partPath);
  if (suffix === undefined) {
    throw new EpisodeError(
      `${partPath} is not a torn episode: those are named *${PART_SUFFIX} or *${TORN_SUFFIX}`,
    );
  }
  const stem = partPath.slice(0, -suffix.length);
  const path = stem + EPISODE_SUFFIX;
  if (existsSync(path))
    throw new EpisodeError(`${path} exists already; rename it or ${partPath}, then recover again`);
  const { size, mtimeMs } = statSync(partPath);
  const { validBytes, fault, reason } = walkMcap(partPath, {}, { index: true });

  let writer: string | undefined;
  let isEpisode = false;
  let concluded = false;
  const rewards: number[] = [];
  const rewardChannels = new Set<number>();
  const { summary } = walkMcap(
    partPath,
    {
      metadata: (name, entries) => {
        if (name === METADATA.episode) {
          isEpisode = true;
          writer = stringFact(entries, 'writer');
        }
        concluded ||= name === METADATA.outcome;
      },
      channel: ({ id, topic }) => {
        if (topic === REWARD_TOPIC) rewardChannels.add(id);
      },
      message: ({ channelId, sequence, data }) => {
        if (rewardChannels.has(channelId)) rewards[sequence] = FLOAT64.decode(data).data;
      },
    },
    { index: true, limit: validBytes },
  );

  const outcome = outcomeOf(Array.from(rewards, (reward) => reward ?? 0));
  const found = { partPath, steps: outcome.steps, lostBytes: size - validBytes, reason };
  // A file without its first record is either torn right there or only just being begun.
  const isWritten = writer === undefined ? Date.now() - mtimeMs < BEGINNING_MS : isAlive(writer);
  if (suffix === PART_SUFFIX && isWritten) return { ...found, result: 'in use', lostBytes: 0 };
  const damaged = fault === 'damaged' ? { damagedCopy: `${stem}.damaged` } : {};
  if (fault === 'damaged') storing(`${stem}.damaged`, () => copyFileSync(partPath, `${stem}.damaged`));
  if (!isEpisode || outcome.steps === 0) {
    rmSync(partPath);
    return { ...found, result: 'empty', ...damaged };
  }

  const sink = FileSink.continue(partPath, validBytes);
  try {
    const file = new McapFile(sink, summary);
    if (!concluded) file.writeMetadata({ name: METADATA.outcome, metadata: encodeFacts({ ...outcome }) });
    const facts = { steps: outcome.steps, lostBytes: found.lostBytes, reason };
    file.writeMetadata({ name: METADATA.recovery, metadata: encodeFacts(facts) });
    file.end();
    sink.sync();
  } finally {
    sink.close();
  }
  publish(partPath, path);
  return { ...found, result: 'recovered', path, ...damaged };
}
