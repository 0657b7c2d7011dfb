/** The person who leads the arms, at a keyboard: words during takes, and a verdict after each. */
import type { Writable } from 'node:stream';
import type { EndedTake, Operator, TakePhase, TakeVerdict, TakeWord } from '../contract/takes.js';
import { Keyboard, NobodyThere, type Keys } from './keyboard.js';

const WORDS: Readonly<Record<TakePhase, Readonly<Record<string, TakeWord>>>> = {
  before: { enter: 'begin', escape: 'stop', space: 'halt' },
  during: { right: 'keep', left: 'again', escape: 'stop', space: 'halt' },
};
const VERDICTS: Readonly<Record<string, 'success' | 'failure' | 'again' | 'note'>> = {
  y: 'success',
  n: 'failure',
  left: 'again',
  d: 'again',
  t: 'note',
};

export interface OperatorOptions {
  /** Said of every take; a note typed for one takes its place. */
  readonly note: string;
  /** `ask`: after every take. */
  readonly label: 'ask' | 'success' | 'failure';
}

export class KeyboardOperator implements Operator {
  readonly #keyboard: Keyboard;
  readonly #screen: Writable;
  readonly #options: OperatorOptions;

  constructor(keys: Keys, screen: Writable, options: OperatorOptions) {
    this.#keyboard = new Keyboard(keys);
    this.#screen = screen;
    this.#options = options;
  }

  async word(phase: TakePhase, signal: AbortSignal): Promise<TakeWord> {
    try {
      return await this.#keyboard.next((key) => WORDS[phase][key], signal);
    } catch (error) {
      if (!(error instanceof NobodyThere)) throw error;
      return await new Promise<never>(() => {});
    }
  }

  async judge(take: EndedTake, signal: AbortSignal): Promise<TakeVerdict> {
    const { label } = this.#options;
    let { note } = this.#options;
    if (label !== 'ask') return { keep: true, success: label === 'success', note };
    try {
      for (;;) {
        this.#screen.write(`\n${question(take)} `);
        const verdict = await this.#keyboard.next((key) => VERDICTS[key.toLowerCase()], signal);
        this.#screen.write(`${verdict}\n`);
        if (verdict === 'again') return { keep: false };
        if (verdict !== 'note') return { keep: true, success: verdict === 'success', note };
        note = await this.#line(signal);
      }
    } catch (error) {
      if (!(error instanceof NobodyThere)) throw error;
      this.#screen.write('\nnobody said whether it succeeded; see `alohad episodes label`\n');
      return { keep: true, note };
    }
  }

  /** A line of text, shown as it is typed. */
  async #line(signal: AbortSignal): Promise<string> {
    this.#screen.write('note: ');
    let text = '';
    for (;;) {
      const key = await this.#keyboard.next((pressed) => pressed, signal);
      if (key === 'enter') break;
      if (key === 'backspace' && text !== '') {
        text = text.slice(0, -1);
        this.#screen.write('\b \b');
      }
      const typed = key === 'space' ? ' ' : key;
      if (typed.length !== 1 || typed < ' ') continue;
      text += typed;
      this.#screen.write(typed);
    }
    return text.trim();
  }
}

function question({ number, seconds, maxReward }: EndedTake): string {
  const reward = maxReward === undefined ? '' : `, reward ${maxReward}`;
  return `take ${number}, ${seconds.toFixed(1)} s${reward}: did it succeed? y or n (t: type a note first; left arrow: again)`;
}
