/** Where an episode's bytes go: an append-only file, or in tests something that fails on purpose. */
import { closeSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { storing } from '../contract/systemError.js';

export interface ByteSink {
  /** Bytes accepted so far, which is where the next write begins. */
  readonly position: number;
  /** Appends all of `bytes`. Throws StorageError; what was appended before stays whole. */
  write(bytes: Uint8Array): void;
  /** Returns once the bytes are on the disk. */
  sync(): void;
  close(): void;
}

/** Appends to a file by plain writes, so that a killed process loses nothing that was written. */
export class FileSink implements ByteSink {
  readonly #path: string;
  readonly #file: number;
  #position: number;

  private constructor(path: string, file: number, position: number) {
    this.#path = path;
    this.#file = file;
    this.#position = position;
  }

  /** Makes a new file. Throws StorageError, also when it exists already. */
  static create(path: string): FileSink {
    return storing(path, () => new FileSink(path, openSync(path, 'wx'), 0));
  }

  /** Continues an existing file, of which only the first `length` bytes are kept. */
  static continue(path: string, length: number): FileSink {
    return storing(path, () => {
      const file = openSync(path, 'r+');
      ftruncateSync(file, length);
      return new FileSink(path, file, length);
    });
  }

  get position(): number {
    return this.#position;
  }

  write(bytes: Uint8Array): void {
    storing(this.#path, () => {
      // A nearly full disk takes part of a write first and refuses the rest at the next call.
      for (let done = 0; done < bytes.length;) {
        done += writeSync(this.#file, bytes, done, bytes.length - done, this.#position + done);
      }
    });
    this.#position += bytes.length;
  }

  sync(): void {
    storing(this.#path, () => fsyncSync(this.#file));
  }

  close(): void {
    closeSync(this.#file);
  }
}
