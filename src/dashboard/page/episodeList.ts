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
  /** By the episode's file: a row stays, with the cursor in its note, whatever is recorded meanwhile. */
  readonly #rows = new Map<string, EpisodeRow>();

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
    const paths = new Set(shown.map(({ path }) => path));
    for (const [path, { root }] of this.#rows) {
      if (paths.has(path)) continue;
      root.remove();
      this.#rows.delete(path);
    }
    const list = element('list');
    for (const [place, episode] of shown.entries()) {
      const { root } = this.#rowOf(episode);
      // An element that is moved loses the cursor: what stands where it belongs is not touched.
      if (list.children[place] !== root) list.insertBefore(root, list.children[place] ?? null);
    }
  }

  #rowOf(episode: RecordedEpisode): EpisodeRow {
    const found = this.#rows.get(episode.path);
    found?.show(episode);
    const row = found ?? new EpisodeRow(episode, this.#actions);
    this.#rows.set(episode.path, row);
    return row;
  }
}

class EpisodeRow {
  readonly root = make('div');
  readonly #image = make('img');
  readonly #facts = make('span');
  readonly #verdicts: readonly { readonly meant: boolean; readonly button: HTMLButtonElement }[];
  readonly #judge = make('small');
  readonly #note = make('input');
  #episode: RecordedEpisode;

  constructor(episode: RecordedEpisode, actions: EpisodeActions) {
    this.#episode = episode;
    this.#image.loading = 'lazy';
    this.#image.alt = '';
    this.#note.placeholder = 'note';
    this.#note.ariaLabel = `note on ${episode.name}`;
    this.#note.maxLength = 1000;
    this.#note.addEventListener('change', () => {
      const { success } = this.#episode;
      // A note goes with a verdict: before there is one it waits for it.
      if (success !== null) actions.label(this.#episode, success, this.#note.value);
    });
    this.#verdicts = [true, false].map((meant) => {
      const made = button(meant ? 'success' : 'failure', () => {
        actions.label(this.#episode, meant, this.#note.value);
      });
      made.className = meant ? 'good' : 'bad';
      return { meant, button: made };
    });
    const verdict = make('span', '', 'buttons');
    verdict.append(...this.#verdicts.map((one) => one.button), this.#judge);
    const replay = button('replay', () => {
      actions.replay(this.#episode);
    });
    this.root.append(this.#image, this.#facts, verdict, this.#note, replay);
    this.show(episode);
  }

  show(episode: RecordedEpisode): void {
    const { name, source, seed, steps, maxReward, recordedAt, success, label } = episode;
    this.root.dataset['verdict'] = success === null ? 'open' : success ? 'success' : 'failure';
    const url = new URL(`/episodes/${encodeURIComponent(name)}.jpg`, location.href);
    url.search = location.search; // The token, where there is one.
    url.searchParams.set('at', String(recordedAt));
    if (this.#image.src !== url.href) this.#image.src = url.href;
    this.#facts.replaceChildren(
      make('b', name),
      make('small', `${new Date(recordedAt).toLocaleString()} · ${source} · seed ${seed}`),
      make('small', `${steps} steps, reward ${maxReward}`),
    );
    for (const one of this.#verdicts) one.button.ariaPressed = String(success === one.meant);
    this.#judge.textContent = label
      ? `by hand, ${new Date(label.at).toLocaleString()}`
      : success === null
        ? 'nobody has said yet'
        : 'by the task';
    // What a person is writing is theirs until they leave it.
    if (label && document.activeElement !== this.#note) this.#note.value = label.note;
    this.#episode = episode;
  }
}
