/** Keys of a terminal by name, one at a time; what was typed ahead is kept for whoever asks next. */
import type { Readable } from 'node:stream';
import { AlohadError, Interrupted } from '../contract/errors.js';
import { inForeground } from './foreground.js';

/** A terminal's input; a pipe's characters are taken as they come. */
export interface Keys extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

/** The terminal is there, but what is typed goes to somebody else: nobody could stop the arms by a key. */
export class KeyboardLostError extends AlohadError {
  constructor() {
    super(
      'keys do not come to this program any more: it was put into the background, or the program that started it was ' +
        'killed. Run it in the foreground of a terminal',
    );
  }
}

/** Nobody can press a key any more. */
export class NobodyThere extends Error {}

const NAMES: ReadonlyMap<string, string> = new Map([
  ['\r', 'enter'],
  ['\n', 'enter'],
  [' ', 'space'],
  ['\u007f', 'backspace'],
  ['\b', 'backspace'],
]);
const ARROWS: ReadonlyMap<string, string> = new Map([
  ['A', 'up'],
  ['B', 'down'],
  ['C', 'right'],
  ['D', 'left'],
]);
const ESCAPE = '\u001b';
/** What terminals send for keys with names: Esc, `[` or `O`, parameters, and a letter or a tilde. */
// oxlint-disable-next-line no-control-regex
const SEQUENCE = /^\u001b[[O][\d;]*([A-Za-z~])/;
// oxlint-disable-next-line no-control-regex
const UNFINISHED = /^\u001b(?:[[O][\d;]*)?$/;
/** After Esc, what belongs to an arrow comes at once or not at all [ms]. */
const ESCAPE_MS = 50;
/** How often it is looked whether keys still come to us [ms]. */
const FOREGROUND_MS = 500;
const CTRL_C = '\u0003';

export class Keyboard {
  readonly #stream: Keys;
  /** Characters that arrived and have not been asked for. */
  #early = '';

  constructor(stream: Keys) {
    this.#stream = stream;
  }

  /**
   * The first key for which `answer` has something; others are passed over. Arrows, `escape`, `enter`, `space` and
   * `backspace` go by these names, other keys by their character. Throws Interrupted when `signal` aborts, NobodyThere
   * when no more can come, KeyboardLostError when they go to another program.
   */
  async next<T>(answer: (key: string) => T | undefined, signal: AbortSignal): Promise<T> {
    const stream = this.#stream;
    const isOurs = (): boolean => stream.isTTY !== true || inForeground();
    // To set up a terminal that is not ours would stop this process where it is.
    if (!isOurs()) throw new KeyboardLostError();
    stream.setRawMode?.(true);
    let timer: NodeJS.Timeout | undefined;
    let watch: NodeJS.Timeout | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        const look = (whole: boolean): void => {
          clearTimeout(timer);
          for (let key = this.#take(whole); key !== undefined; key = this.#take(whole)) {
            // Raw terminals leave this to us.
            if (key === CTRL_C) process.kill(process.pid, 'SIGINT');
            const found = answer(key);
            if (found === undefined) continue;
            finish(() => resolve(found));
            return;
          }
          if (this.#early !== '') timer = setTimeout(() => look(true), ESCAPE_MS);
        };
        const onData = (data: Buffer): void => {
          this.#early += data.toString();
          look(false);
        };
        const onEnd = (): void => finish(() => reject(new NobodyThere('standard input has ended')));
        const onLost = (): void => finish(() => reject(new KeyboardLostError()));
        const onAbort = (): void => finish(() => reject(new Interrupted('nobody is asked any more')));
        const finish = (then: () => void): void => {
          clearTimeout(timer);
          clearInterval(watch);
          stream.off('data', onData).off('end', onEnd).off('error', onLost).pause();
          signal.removeEventListener('abort', onAbort);
          then();
        };
        if (signal.aborted) {
          onAbort();
          return;
        }
        signal.addEventListener('abort', onAbort);
        watch = setInterval(() => {
          if (!isOurs()) onLost();
        }, FOREGROUND_MS);
        stream.on('data', onData).on('end', onEnd).on('error', onLost).resume();
        look(false);
        if (stream.readableEnded) onEnd();
      });
    } finally {
      if (isOurs()) stream.setRawMode?.(false);
    }
  }

  /** `whole`: nothing more belongs to what has come. */
  #take(whole: boolean): string | undefined {
    const text = this.#early;
    const sequence = SEQUENCE.exec(text);
    if (sequence) {
      this.#early = text.slice(sequence[0].length);
      return ARROWS.get(sequence[1]!) ?? sequence[0];
    }
    if (text === '' || (!whole && UNFINISHED.test(text))) return undefined;
    this.#early = text.slice(1);
    return text[0] === ESCAPE ? 'escape' : (NAMES.get(text[0]!) ?? text[0]!);
  }
}
