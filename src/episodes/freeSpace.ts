/** Refuses to begin what the disk could not hold. */
import { statfsSync } from 'node:fs';
import { DiskFullError } from '../contract/errors.js';
import { storing } from '../contract/systemError.js';

const MEGABYTE = 1e6;

/** Throws DiskFullError when less than `bytes` are free where `folder` lies. */
export function requireFreeSpace(folder: string, bytes: number): void {
  const { bavail, bsize } = storing(folder, () => statfsSync(folder));
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw new DiskFullError(
    `only ${(free / MEGABYTE).toFixed(0)} MB are free for ${folder}, ${(bytes / MEGABYTE).toFixed(0)} MB are needed; ` +
      'free some space or use another folder',
  );
}
