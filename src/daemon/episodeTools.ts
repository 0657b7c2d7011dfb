/** What the `episodes` verbs do, on top of the episode store. */
import { statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { EpisodeError, UsageError } from '../contract/errors.js';
import { EPISODE_SUFFIX } from '../episodes/episodeWriter.js';
import { EpisodeStore, type EpisodeEntry, type UnreadableEpisode } from '../episodes/episodeStore.js';
import { readLabel, verdictOn } from '../episodes/label.js';
import { readHeader } from '../episodes/readEpisode.js';
import type { Recovery } from '../episodes/recoverEpisode.js';
import { verifyEpisode, type Verification } from '../episodes/verifyEpisode.js';

const describe = ({ partPath, result, path, steps, lostBytes, reason, damagedCopy }: Recovery): string => {
  switch (result) {
    case 'recovered':
      return (
        `recovered ${path}: ${steps} steps; ${lostBytes} bytes cut off (${reason})` +
        (damagedCopy === undefined ? '' : `; the file as found is kept as ${damagedCopy}`)
      );
    case 'empty':
      return `removed ${partPath}: not one step was finished`;
    case 'in use':
      return `left ${partPath}: its recorder still runs`;
    default:
      return result satisfies never;
  }
};

export type ListedEpisode = EpisodeEntry & ReturnType<typeof verdictOn>;

export function listEpisodes(folder: string): {
  episodes: ListedEpisode[];
  unreadable: readonly UnreadableEpisode[];
  recovered: string[];
} {
  const store = EpisodeStore.open(folder);
  const torn = store.unreadable;
  const episodes = store
    .list()
    .map((entry) => ({ ...entry, ...verdictOn(entry.path, entry.info, entry.outcome) }));
  return { episodes, unreadable: [...torn, ...store.unreadable], recovered: store.recoveries.map(describe) };
}

/** Facts of one episode. Throws EpisodeError. */
export const episodeFacts = (path: string): unknown => {
  const label = readLabel(path);
  return { path, ...readHeader(path), ...(label && { label }) };
};

/** Verifies files, and all episodes of folders. Throws EpisodeError for a path that is not there. */
export function verifyEpisodes(paths: readonly string[]): ({ path: string } & Verification)[] {
  return paths
    .flatMap((path) => {
      const found = statSync(path, { throwIfNoEntry: false });
      if (!found) throw new EpisodeError(`there is no episode or folder ${path}`);
      if (!found.isDirectory()) return [path];
      const store = EpisodeStore.open(path);
      const readable = store.list().map((entry) => entry.path);
      return [...readable, ...store.unreadable.map((entry) => entry.path)];
    })
    .map((path) => ({ path, ...verifyEpisode(path) }));
}

export function recoverEpisodes(folder: string): {
  lines: string[];
  unreadable: readonly UnreadableEpisode[];
} {
  const store = EpisodeStore.open(folder);
  return { lines: store.recoveries.map(describe), unreadable: store.unreadable };
}

/** Throws UsageError, EpisodeError, StorageError. */
export function labelEpisode(path: string, label: string, note: string): void {
  if (label !== 'success' && label !== 'failure') {
    throw new UsageError(`an episode is a success or a failure, not "${label}"`);
  }
  EpisodeStore.open(dirname(path)).setLabel(basename(path, EPISODE_SUFFIX), label === 'success', note);
}
