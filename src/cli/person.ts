/** A person at the terminal: puts the scene back and judges episodes by a key. */
import type { Readable, Writable } from 'node:stream';
import { Interrupted, UsageError } from '../contract/errors.js';
import type { EpisodeJudge, PlayedEpisode, SceneReset, Verdict } from '../contract/judging.js';
import type { StartPose } from '../contract/task.js';

const VERDICTS: ReadonlyMap<string, Verdict> = new Map<string, Verdict>([
  ['y', 4],
  // A failure of the last step, the usual one; the digits say how far it came.
  ['n', 3],
  ['0', 0],
  ['1', 1],
  ['2', 2],
  ['3', 3],
  ['4', 4],
  ['d', 'discard'],
]);
const READY: ReadonlyMap<string, 'ready'> = new Map([
  ['\r', 'ready'],
  ['\n', 'ready'],
  [' ', 'ready'],
]);
const CTRL_C = '\u0003';

/** Keys of a terminal; a pipe's characters are taken as they come. */
export interface Keys extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

export class Person implements EpisodeJudge, SceneReset {
  readonly #keys: Keys;
  readonly #screen: Writable;
  /** Characters that arrived and have not been asked for. */
  #early = '';

  constructor(keys: Keys, screen: Writable) {
    this.#keys = keys;
    this.#screen = screen;
  }

  async prepare({ seed }: StartPose, signal: AbortSignal): Promise<void> {
    await this.#ask(`put the scene back for episode ${seed}, hands off, then press Enter`, READY, signal);
  }

  async judge({ seed }: PlayedEpisode, signal: AbortSignal): Promise<Verdict> {
    const question = `episode ${seed}: did it succeed? y or n (0 to 4: how far it came; d: does not count)`;
    return await this.#ask(question, VERDICTS, signal);
  }

  /** The first key that is an answer; others are passed over. Throws UsageError when no more can come. */
  async #ask<T>(question: string, answers: ReadonlyMap<string, T>, signal: AbortSignal): Promise<T> {
    this.#screen.write(`\n${question}: `);
    const keys = this.#keys;
    keys.setRawMode?.(true);
    try {
      return await new Promise<T>((resolve, reject) => {
        const look = (): void => {
          while (this.#early !== '') {
            const key = this.#early[0]!;
            this.#early = this.#early.slice(1);
            if (key === CTRL_C) process.kill(process.pid, 'SIGINT');
            const answer = answers.get(key.toLowerCase());
            if (answer === undefined) continue;
            this.#screen.write(`${key.trim()}\n`);
            finish(() => resolve(answer));
            return;
          }
        };
        const onData = (data: Buffer): void => {
          this.#early += data.toString();
          look();
        };
        const onEnd = (): void =>
          finish(() =>
            reject(
              new UsageError(
                'nobody is at the keyboard to judge (standard input ended): run in a terminal, or without --judge person',
              ),
            ),
          );
        const onAbort = (): void => finish(() => reject(new Interrupted('nobody judged the episode')));
        const finish = (then: () => void): void => {
          keys.off('data', onData).off('end', onEnd).pause();
          signal.removeEventListener('abort', onAbort);
          then();
        };
        if (signal.aborted) {
          onAbort();
          return;
        }
        signal.addEventListener('abort', onAbort);
        keys.on('data', onData).on('end', onEnd).resume();
        look();
      });
    } finally {
      keys.setRawMode?.(false);
    }
  }
}
