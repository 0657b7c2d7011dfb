/** What the operating system answered, in the user's words. */
import { DiskFullError, StorageError } from './errors.js';

const MEANING: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space or use another folder',
  EDQUOT: 'the disk quota is used up; free some space or use another folder',
  EACCES: 'permission denied; choose a place that you may use',
  EROFS: 'the file system is read-only; choose another folder',
  EEXIST: 'it exists already; choose another name',
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'part of the path is not a folder',
  EISDIR: 'it is a folder',
};

/** The code of a failed system call (`ENOENT`), or undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Says what went wrong, without a stack. */
export function meaningOf(error: unknown): string {
  return MEANING[systemCode(error) ?? ''] ?? (error instanceof Error ? error.message : String(error));
}

/** Whether the file system had no space left. */
export const isFull = (error: unknown): boolean => ['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '');

/** Runs `action`, which writes to `path`; a refusal of the file system becomes a StorageError or DiskFullError. */
export function storing<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    const Refusal = isFull(error) ? DiskFullError : StorageError;
    throw new Refusal(`cannot write ${path}: ${meaningOf(error)}`, { cause: error });
  }
}
