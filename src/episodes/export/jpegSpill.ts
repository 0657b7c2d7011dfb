/**
 * JPEGs of an episode on the disk until the longest is known: ALOHA's padded layout needs its length up front, and a
 * minute of four cameras is more than memory should hold.
 */
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { storing } from '../../contract/systemError.js';

export class JpegSpill {
  readonly #path: string;
  readonly #file: number;
  readonly #offsets: number[] = [0];

  constructor(path: string) {
    this.#path = path;
    this.#file = storing(path, () => openSync(path, 'w+'));
  }

  /** Lengths in the order of `add` [bytes]. */
  get lengths(): readonly number[] {
    return this.#offsets.slice(1).map((end, i) => end - this.#offsets[i]!);
  }

  /** Throws StorageError. */
  add(jpeg: Uint8Array): void {
    const offset = this.#offsets.at(-1)!;
    storing(this.#path, () => {
      for (let done = 0; done < jpeg.length;) {
        done += writeSync(this.#file, jpeg, done, jpeg.length - done, offset + done);
      }
    });
    this.#offsets.push(offset + jpeg.length);
  }

  /** Reads the `index`-th JPEG to the beginning of `target`. */
  read(index: number, target: Uint8Array): void {
    readSync(this.#file, target, 0, this.lengthOf(index), this.#offsets[index]!);
  }

  lengthOf(index: number): number {
    return this.#offsets[index + 1]! - this.#offsets[index]!;
  }

  /** Closes and deletes the file. */
  close(): void {
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
  }
}
