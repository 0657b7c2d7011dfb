/** Which episodes a verb is about: files, and all episodes of folders. */
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { EpisodeError } from '../contract/errors.js';
import { EPISODE_SUFFIX } from '../episodes/episodeWriter.js';
import { EpisodeStore } from '../episodes/episodeStore.js';
import { readHeader, type EpisodeHeader } from '../episodes/readEpisode.js';

export interface ChosenEpisode extends EpisodeHeader {
  readonly name: string;
  readonly path: string;
}

/** In the order given, folders by name; what was rejected is no success. Throws EpisodeError when there are none or one cannot be read. */
export function chooseEpisodes(
  paths: readonly string[],
  keep: 'all' | 'successes' = 'all',
): readonly ChosenEpisode[] {
  const found = paths.flatMap((path): ChosenEpisode[] => {
    const kind = statSync(path, { throwIfNoEntry: false });
    if (!kind) throw new EpisodeError(`there is no episode or folder ${path}`);
    if (!kind.isDirectory()) return [{ name: basename(path, EPISODE_SUFFIX), path, ...readHeader(path) }];
    const store = EpisodeStore.open(path);
    const entries = store.list();
    const [unreadable] = store.unreadable;
    if (unreadable) {
      throw new EpisodeError(
        `${store.unreadable.length} episodes in ${path} cannot be read, the first: ${unreadable.reason}; ` +
          'recover, move or delete them',
      );
    }
    return entries;
  });
  const chosen = found.filter(
    ({ outcome }) => keep === 'all' || (outcome.success && outcome.rejected === undefined),
  );
  if (chosen.length === 0) {
    throw new EpisodeError(
      `${paths.join(', ')}: ${found.length} episodes, ${keep === 'all' ? 'none to take' : 'none of them a success'}`,
    );
  }
  return chosen;
}
