/** Machine-readable results (`--json FILE`): written whole or not at all. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { StorageError } from '../contract/errors.js';

export function writeResult(path: string, value: unknown): void {
  const temporary = `${path}.part`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`);
    renameSync(temporary, path);
  } catch (cause) {
    throw new StorageError(
      `cannot write ${path}: ${(cause as Error).message}. Free disk space or give another path`,
      {
        cause,
      },
    );
  }
}
