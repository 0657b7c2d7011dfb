/** Reads the episodes that a policy is to learn from. */
import type { EpisodeData } from '../contract/episode.js';
import { EpisodeError } from '../contract/errors.js';
import type { TaskName } from '../contract/task.js';
import type { EpisodeStore } from '../episodes/episodeStore.js';
import { shareEpisode } from './sharedEpisodes.js';

export interface EpisodeChoice {
  readonly task: TaskName;
  /** Episodes that were rejected when they were recorded are no examples, either; true by default. */
  readonly onlyFit?: boolean;
  /** Failed attempts are no examples; true by default. */
  readonly onlySuccesses?: boolean;
  /** The first so many by name; all by default. */
  readonly count?: number;
}

/**
 * Episodes of `store` in the order of their names, in memory that threads share. Throws EpisodeError when there are
 * none, fewer than `count`, or one cannot be read: a dataset must not shrink silently.
 */
export function loadEpisodes(store: EpisodeStore, choice: EpisodeChoice): EpisodeData[] {
  const entries = store.list();
  const [unreadable] = store.unreadable;
  if (unreadable) {
    throw new EpisodeError(
      `${store.unreadable.length} episodes in ${store.folder} cannot be read, the first: ${unreadable.reason}; ` +
        'recover, move or delete them',
    );
  }
  const { task, onlySuccesses = true, onlyFit = true, count } = choice;
  const chosen = entries.filter(
    ({ info, outcome }) =>
      info.task === task &&
      (outcome.success || !onlySuccesses) &&
      (outcome.rejected === undefined || !onlyFit),
  );
  const rejected = entries.filter(({ outcome }) => outcome.rejected !== undefined).length;
  if (chosen.length === 0 || chosen.length < (count ?? 0)) {
    throw new EpisodeError(
      `${store.folder} has ${entries.length} episodes, ${chosen.length} of them ${onlySuccesses ? 'successful ' : ''}` +
        `ones of ${task}${rejected > 0 ? ` (${rejected} are rejected, see \`alohad episodes list\`)` : ''}; ${count ?? 'at least 1'} wanted: record more with \`alohad record\``,
    );
  }
  return chosen.slice(0, count).map(({ name }) => shareEpisode(store.read(name)));
}
