/**
 * Records of one size that memory has no room for, in a file that nobody sees and that vanishes with the process. The
 * oldest make room. What cannot be written, as the disk is full, is forgotten: it can be made again.
 */
import { closeSync, mkdirSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { storing } from '../../contract/systemError.js';
import type { SampleRecord } from './sampleRecord.js';

export class DiskCache {
  readonly #file: number;
  readonly #capacity: number;
  /** Key of each slot that is in use, and the other way round. */
  readonly #keys: string[] = [];
  readonly #slots = new Map<string, number>();
  #next = 0;

  /** At most `bytes` in `folder`. Throws StorageError when no file can be made there. */
  constructor(folder: string, bytes: number) {
    this.#capacity = bytes;
    const path = join(folder, `samples-${process.pid}-${performance.now()}.cache`);
    this.#file = storing(folder, () => {
      mkdirSync(folder, { recursive: true });
      const file = openSync(path, 'w+');
      rmSync(path);
      return file;
    });
  }

  has(key: string): boolean {
    return this.#slots.has(key);
  }

  /** Fills `record`, of the size of all records. False: it is not here. */
  read(key: string, record: SampleRecord): boolean {
    const slot = this.#slots.get(key);
    if (slot === undefined) return false;
    return readSync(this.#file, record, 0, record.length, slot * record.length) === record.length;
  }

  write(key: string, record: SampleRecord): void {
    const slots = Math.floor(this.#capacity / record.length);
    if (slots === 0 || this.has(key)) return;
    const slot = this.#next;
    const before = this.#keys[slot];
    if (before !== undefined) this.#slots.delete(before);
    try {
      writeSync(this.#file, record, 0, record.length, slot * record.length);
    } catch {
      return;
    }
    this.#keys[slot] = key;
    this.#slots.set(key, slot);
    this.#next = (slot + 1) % slots;
  }

  close(): void {
    closeSync(this.#file);
  }
}
