/** Recorded episodes, newest first: what they looked like, a person's verdict and note, and playing them again. */
import type { RecordedEpisode } from '../../contract/apiState.js';
import { button, element, make } from './elements.js';

/** More are for `alohad episodes list`. */
const MOST_SHOWN = 100;

export interface EpisodeActions {
  label(episode: RecordedEpisode, success: boolean, note: string): void;
  replay(episode: RecordedEpisode): void;
}

export class EpisodeList {
  readonly #actions: EpisodeActions;
  /** What is shown, by its content: rows that did not change stay, with the cursor in their note. */
  #rows = new Map<string, HTMLElement>();

  constructor(actions: EpisodeActions) {
    this.#actions = actions;
  }

  /** @param episodes newest last, as the daemon lists them */
  show(episodes: readonly RecordedEpisode[], folder: string): void {
    const shown = episodes.slice(-MOST_SHOWN).reverse();
    element('listed').textContent =
      episodes.length === 0
        ? `none in ${folder}`
        : `${shown.length < episodes.length ? `the newest ${shown.length} of ` : ''}${episodes.length} in ${folder}`;
    const rows = new Map<string, HTMLElement>();
    for (const episode of shown) {
      const key = JSON.stringify(episode);
      rows.set(key, this.#rows.get(key) ?? this.#row(episode));
    }
    this.#rows = rows;
    element('list').replaceChildren(...rows.values());
  }

  #row(episode: RecordedEpisode): HTMLElement {
    const { name, source, seed, steps, maxReward, recordedAt, success, label } = episode;
    const row = make('div');
    row.dataset['verdict'] = success ? 'success' : 'failure';
    const image = make('img');
    image.loading = 'lazy';
    image.alt = '';
    const url = new URL(`/episodes/${encodeURIComponent(name)}.jpg`, location.href);
    url.search = location.search; // The token, where there is one.
    url.searchParams.set('at', String(recordedAt));
    image.src = url.href;

    const facts = make('span');
    facts.append(
      make('b', name),
      make('small', `${new Date(recordedAt).toLocaleString()} · ${source} · seed ${seed}`),
      make('small', `${steps} steps, reward ${maxReward}`),
    );

    const note = make('input');
    note.placeholder = 'note';
    note.ariaLabel = `note on ${name}`;
    note.maxLength = 1000;
    note.value = label?.note ?? '';
    note.addEventListener('change', () => {
      this.#actions.label(episode, success, note.value);
    });

    const verdict = make('span', '', 'buttons');
    verdict.append(
      ...[true, false].map((meant) => {
        const made = button(meant ? 'success' : 'failure', () => {
          this.#actions.label(episode, meant, note.value);
        });
        made.className = meant ? 'good' : 'bad';
        made.ariaPressed = String(success === meant);
        return made;
      }),
    );
    verdict.append(make('small', label ? `by hand, ${new Date(label.at).toLocaleString()}` : 'by the task'));
    const replay = button('replay', () => {
      this.#actions.replay(episode);
    });
    row.append(image, facts, verdict, note, replay);
    return row;
  }
}
