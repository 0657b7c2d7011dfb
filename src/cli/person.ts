/** A person at the terminal: puts the scene back and judges episodes by a key. */
import type { Writable } from 'node:stream';
import { UsageError } from '../contract/errors.js';
import type { EpisodeJudge, PlayedEpisode, SceneReset, Verdict } from '../contract/judging.js';
import type { StartPose } from '../contract/task.js';
import { Keyboard, NobodyThere, type Keys } from './keyboard.js';

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
  ['enter', 'ready'],
  ['space', 'ready'],
]);

export class Person implements EpisodeJudge, SceneReset {
  readonly #keyboard: Keyboard;
  readonly #screen: Writable;

  constructor(keys: Keys, screen: Writable) {
    this.#keyboard = new Keyboard(keys);
    this.#screen = screen;
  }

  async prepare({ seed }: StartPose, signal: AbortSignal): Promise<void> {
    await this.#ask(`put the scene back for episode ${seed}, hands off, then press Enter`, READY, signal);
  }

  async judge({ seed }: PlayedEpisode, signal: AbortSignal): Promise<Verdict> {
    const question = `episode ${seed}: did it succeed? y or n (0 to 4: how far it came; d: does not count)`;
    return await this.#ask(question, VERDICTS, signal);
  }

  /** The first key that is an answer. Throws UsageError when no more can come. */
  async #ask<T>(question: string, answers: ReadonlyMap<string, T>, signal: AbortSignal): Promise<T> {
    this.#screen.write(`\n${question}: `);
    const answer = (key: string): { key: string; means: T } | undefined => {
      const means = answers.get(key.toLowerCase());
      return means === undefined ? undefined : { key, means };
    };
    try {
      const { key, means } = await this.#keyboard.next(answer, signal);
      this.#screen.write(`${key.length === 1 ? key : ''}\n`);
      return means;
    } catch (error) {
      if (!(error instanceof NobodyThere)) throw error;
      throw new UsageError(
        'nobody is at the keyboard to judge (standard input ended): run in a terminal, or without --judge person',
        { cause: error },
      );
    }
  }
}
