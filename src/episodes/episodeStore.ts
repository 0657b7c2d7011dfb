/** A folder of episodes: lists them, reads them, makes torn ones whole, hands out the next name. */
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { EpisodeData, EpisodeInfo, EpisodeOutcome } from '../contract/episode.js';
import { AlohadError, EpisodeError } from '../contract/errors.js';
import type { EpisodeWriterOptions } from './episodeWriter.js';
import { EPISODE_SUFFIX, EpisodeWriter } from './episodeWriter.js';
import { infoSchema, outcomeSchema } from './facts.js';
import type { EpisodeLabel } from './label.js';
import { labelPath, readLabel, writeLabel } from './label.js';
import { readEpisode, readHeader } from './readEpisode.js';
import type { Recovery } from './recoverEpisode.js';
import { isUnfinished, recoverEpisode } from './recoverEpisode.js';
import type { Verification } from './verifyEpisode.js';
import { verifyEpisode } from './verifyEpisode.js';
import { meaningOf, storing } from '../contract/systemError.js';

/** One line of the list. */
export interface EpisodeEntry {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** When the file was finished; Unix time [ms]. */
  readonly recordedAt: number;
  readonly info: EpisodeInfo;
  /** With the label applied. */
  readonly outcome: EpisodeOutcome;
}

/** A file that is named like an episode and cannot be read. */
export interface UnreadableEpisode {
  readonly path: string;
  readonly reason: string;
}

const cachedHeaderSchema = z.object({
  size: z.number(),
  mtimeMs: z.number(),
  labelMtimeMs: z.number(),
  info: infoSchema,
  outcome: outcomeSchema,
});

type CachedHeader = z.infer<typeof cachedHeaderSchema>;

const INDEX_FILE = '.index.json';
const indexSchema = z.object({ version: z.literal(1), headers: z.record(z.string(), cachedHeaderSchema) });

export class EpisodeStore {
  readonly folder: string;
  /** What opening the store found torn, and what became of it. */
  readonly recoveries: readonly Recovery[];
  /** Files that could not be recovered or, after `list`, not be read. */
  unreadable: readonly UnreadableEpisode[];

  private constructor(
    folder: string,
    recoveries: readonly Recovery[],
    unreadable: readonly UnreadableEpisode[],
  ) {
    this.folder = folder;
    this.recoveries = recoveries;
    this.unreadable = unreadable;
  }

  /**
   * Opens `folder` and recovers torn episodes in it, except those whose recorder still runs. Throws EpisodeError
   * when there is no such folder, unless it may be made.
   */
  static open(folder: string, options: { readonly create?: boolean } = {}): EpisodeStore {
    if (options.create) storing(folder, () => mkdirSync(folder, { recursive: true }));
    const recoveries: Recovery[] = [];
    const unreadable: UnreadableEpisode[] = [];
    for (const file of filesOf(folder)) {
      if (!isUnfinished(file)) continue;
      const path = join(folder, file);
      try {
        recoveries.push(recoverEpisode(path));
      } catch (error) {
        if (!(error instanceof AlohadError)) throw error;
        unreadable.push({ path, reason: error.message });
      }
    }
    return new EpisodeStore(folder, recoveries, unreadable);
  }

  /** All episodes that can be read, by name; the others are then in `unreadable`. */
  list(): EpisodeEntry[] {
    const cache = readIndex(join(this.folder, INDEX_FILE));
    const fresh: Record<string, CachedHeader> = {};
    const entries: EpisodeEntry[] = [];
    const unreadable: UnreadableEpisode[] = [];
    let changed = false;
    for (const file of filesOf(this.folder)) {
      if (!file.endsWith(EPISODE_SUFFIX) || isUnfinished(file)) continue;
      const path = join(this.folder, file);
      const { size, mtimeMs } = statSync(path);
      const labelMtimeMs = statSync(labelPath(path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
      let header = cache[file];
      if (header?.size !== size || header.mtimeMs !== mtimeMs || header.labelMtimeMs !== labelMtimeMs) {
        try {
          header = { size, mtimeMs, labelMtimeMs, ...readHeader(path) };
          changed = true;
        } catch (error) {
          if (!(error instanceof AlohadError)) throw error;
          unreadable.push({ path, reason: error.message });
          continue;
        }
      }
      fresh[file] = header;
      const { info, outcome } = header;
      entries.push({
        name: basename(file, EPISODE_SUFFIX),
        path,
        bytes: size,
        recordedAt: mtimeMs,
        info,
        outcome,
      });
    }
    if (changed) this.#writeIndex(fresh);
    this.unreadable = unreadable;
    return entries;
  }

  /** Path of episode `name`, which need not exist; a path ending in `.mcap` stays as it is. */
  path(name: string): string {
    return name.endsWith(EPISODE_SUFFIX) ? name : join(this.folder, name + EPISODE_SUFFIX);
  }

  /** Throws EpisodeError. */
  read(name: string): EpisodeData {
    return readEpisode(this.path(name));
  }

  verify(name: string): Verification {
    return verifyEpisode(this.path(name));
  }

  label(name: string): EpisodeLabel | undefined {
    return readLabel(this.path(name));
  }

  /** Overrides the success of an episode, with a note on why. Throws EpisodeError and StorageError. */
  setLabel(name: string, success: boolean, note: string): void {
    readHeader(this.path(name));
    writeLabel(this.path(name), success, note);
  }

  /** The first free name: one after the highest number of any file here, whole, torn or damaged. */
  nextName(): string {
    const numbers = filesOf(this.folder).map((file) => Number(/^episode_(\d+)\./.exec(file)?.[1] ?? -1));
    return `episode_${String(Math.max(-1, ...numbers) + 1).padStart(6, '0')}`;
  }

  /** Begins the next episode. Throws StorageError. */
  create(info: EpisodeInfo, options: EpisodeWriterOptions = {}): EpisodeWriter {
    return new EpisodeWriter(this.folder, this.nextName(), info, options);
  }

  /** The index only saves time: a folder that cannot be written is listed all the same. */
  #writeIndex(headers: Readonly<Record<string, CachedHeader>>): void {
    const path = join(this.folder, INDEX_FILE);
    try {
      writeFileSync(`${path}.${process.pid}`, JSON.stringify({ version: 1, headers }));
      renameSync(`${path}.${process.pid}`, path);
    } catch {
      return;
    }
  }
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    throw new EpisodeError(`cannot read the episode folder ${folder}: ${meaningOf(error)}`, {
      cause: error,
    });
  }
}

/** Headers by file name; a cache that is missing or broken is built anew. */
function readIndex(path: string): Readonly<Record<string, CachedHeader | undefined>> {
  try {
    return indexSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).headers;
  } catch {
    return {};
  }
}
