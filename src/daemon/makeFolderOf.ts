/** Makes the folder of a file that is about to be written. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { storing } from '../contract/systemError.js';

/** Makes the folder that the file at `path` will lie in. Throws StorageError. */
export const makeFolderOf = (path: string): void => {
  storing(path, () => {
    mkdirSync(dirname(path), { recursive: true });
  });
};
