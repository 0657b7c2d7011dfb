/** A person with their hands at an arm and one key: told what to do, shown numbers, asked whether it is done. */
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../contract/errors.js';
import type { Keys } from './keyboard.js';

/** Between two looks at the numbers [ms]. */
const MOMENT_MS = 50;
const CTRL_C = '\u0003';

/** The person's keys and screen; a pipe's lines count as Enter, and numbers are shown on a terminal alone. */
export class HandsAndKeys {
  readonly #keys: Keys;
  readonly #screen: Writable & { readonly isTTY?: boolean };
  #confirmed = false;
  #ended = false;
  readonly #hear = (data: Buffer): void => {
    const text = data.toString();
    if (text.includes(CTRL_C)) process.kill(process.pid, 'SIGINT');
    if (/[\r\n ]/.test(text)) this.#confirmed = true;
  };
  readonly #end = (): void => {
    this.#ended = true;
  };

  constructor(keys: Keys, screen: Writable & { readonly isTTY?: boolean }) {
    this.#keys = keys;
    this.#screen = screen;
    if (keys.isTTY === true) keys.setRawMode?.(true);
    keys.on('data', this.#hear).on('end', this.#end).resume();
  }

  tell(text: string): void {
    this.#screen.write(this.#screen.isTTY === true ? `\r\u001B[K${text}\n` : `${text}\n`);
    // A key that was pressed before the question is no answer to it.
    this.#confirmed = false;
  }

  show(line: string): void {
    if (this.#screen.isTTY === true) this.#screen.write(`\r\u001B[K${line}`);
  }

  confirms(): boolean {
    const confirmed = this.#confirmed;
    this.#confirmed = false;
    if (!confirmed && this.#ended)
      throw new UsageError('nobody is at the keyboard (standard input ended): run it in a terminal');
    return confirmed;
  }

  async moment(): Promise<void> {
    await sleep(MOMENT_MS);
  }

  leave(): void {
    if (this.#keys.isTTY === true) this.#keys.setRawMode?.(false);
    this.#keys.off('data', this.#hear).off('end', this.#end).pause();
  }
}
