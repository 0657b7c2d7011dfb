/** A file of JSON values, one a line, that a kill or a full disk leaves readable. */
import { appendFileSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { storing } from '../contract/systemError.js';

/** The whole lines of the file at `path`, unparsed; none when there is no file. A torn last line is not among them. */
export function readLines(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
}

/** As `readLines`, and cuts a torn last line off: what were appended to it would be lost with it. */
export function openLines(path: string): string[] {
  const lines = readLines(path);
  const length = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  if (existsSync(path) && statSync(path).size > length) storing(path, () => truncateSync(path, length));
  return lines;
}

/** Replaces the file by these lines. Throws StorageError. */
export function writeLines(path: string, lines: readonly string[]): void {
  storing(path, () => writeFileSync(path, lines.map((line) => `${line}\n`).join('')));
}

/** Appends `value` and waits for the disk. Throws StorageError; the file is then as before. */
export function appendLine(path: string, value: object): void {
  storing(path, () => {
    const before = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    try {
      appendFileSync(path, `${JSON.stringify(value)}\n`, { flush: true });
    } catch (error) {
      cut(path, before);
      throw error;
    }
  });
}

/** A nearly full disk takes part of a line. */
function cut(path: string, length: number): void {
  try {
    truncateSync(path, length);
  } catch {
    // What made the write fail is worth telling, this is not; readers drop a torn line.
  }
}
