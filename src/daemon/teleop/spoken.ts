/** What the person who leads has said, in the control thread: heard between ticks, looked at in every one. */
import type { TakePhase, TakeVerdict, TakeWord } from '../../contract/takes.js';
import type { StopSignal } from '../../realtime/clock.js';
import type { ToTakes } from './takeJob.js';

export class Spoken {
  /** The word of this phase, once it was said. */
  word: TakeWord | undefined;
  verdict: TakeVerdict | undefined;
  #phase: TakePhase | undefined;
  #stop = false;
  #halt = false;

  hear(message: ToTakes): void {
    switch (message.kind) {
      case 'stop':
        this.#stop = true;
        return;
      case 'word':
        if (message.word === 'halt') this.#halt = true;
        // One that was said before the phase changed means nothing any more.
        if (message.phase === this.#phase) this.word ??= message.word;
        return;
      case 'verdict':
        this.verdict = message.verdict;
        return;
      default:
        message satisfies never;
    }
  }

  /** A phase begins in which nothing has been said; absent: only verdicts count. */
  listen(phase?: TakePhase): void {
    this.#phase = phase;
    this.word = undefined;
    this.verdict = undefined;
  }

  /** Ctrl-C, from anywhere: hold and end. */
  readonly stopped: StopSignal = when(() => this.#stop);
  /** Emergency stop; there is no way back. */
  readonly halted: StopSignal = when(() => this.#halt);
  readonly told: StopSignal = when(() => this.word !== undefined);
  readonly last: StopSignal = when(() => this.word === 'stop');
  readonly judged: StopSignal = when(() => this.verdict !== undefined);
}

const when = (happened: () => boolean): StopSignal => ({
  get aborted() {
    return happened();
  },
});
