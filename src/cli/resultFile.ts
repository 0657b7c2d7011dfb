/** Machine-readable results (`--json FILE`): written whole or not at all. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { storing } from '../contract/systemError.js';

export function writeResult(path: string, value: unknown): void {
  const temporary = `${path}.part`;
  storing(path, () => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`);
    renameSync(temporary, path);
  });
}
