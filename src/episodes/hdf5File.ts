/**
 * HDF5 files through h5wasm, the HDF5 library compiled to WebAssembly.
 *
 * h5wasm prints HDF5's complaints to standard error and swallows what goes wrong when cached chunks reach the disk:
 * a full disk would pass unseen. So the one function that all its writes go through is watched.
 */
import { closeSync, fsyncSync, openSync, readSync } from 'node:fs';
import { Dataset, File, FS, Group, ready } from 'h5wasm/node';
import { DiskFullError, EpisodeError, StorageError } from '../contract/errors.js';
import { isFull, meaningOf, storing } from '../contract/systemError.js';

/** Every HDF5 file without a user block begins so; source: HDF5 File Format Specification, superblock. */
const SIGNATURE = Uint8Array.of(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a);

/** Refusals of the file system by their number in Emscripten; source: WASI's errno list. */
const REFUSALS: Readonly<Record<number, string>> = { 51: 'ENOSPC', 19: 'EDQUOT', 2: 'EACCES', 69: 'EROFS' };
const STANDARD_ERROR = 2;

let refusal: Error | undefined;
let watched: Promise<void> | undefined;

/** Loads the library, once. */
function library(): Promise<void> {
  watched ??= ready.then(() => {
    const files = FS;
    if (!files) throw new Error('h5wasm came without a file system');
    const write = files.write.bind(files);
    files.write = (stream, buffer, offset, length, position) => {
      if ('fd' in stream && stream.fd === STANDARD_ERROR) return length;
      try {
        return write(stream, buffer, offset, length, position);
      } catch (error) {
        const code = REFUSALS[Number(Object(error).errno)];
        refusal ??= Object.assign(new Error(`write error ${Object(error).errno}`), code && { code });
        throw error;
      }
    };
  });
  return watched;
}

/** Makes the file at `path`, for `build` to fill. Throws StorageError; the file is then of no use. */
export async function writeHdf5(
  path: string,
  build: (root: File, check: () => void) => Promise<void>,
): Promise<void> {
  await library();
  // The library's own word for a path that cannot be written says nothing.
  storing(path, () => closeSync(openSync(path, 'w')));
  refusal = undefined;
  const check = (): void => {
    if (!refusal) return;
    const Refusal = isFull(refusal) ? DiskFullError : StorageError;
    throw new Refusal(`cannot write ${path}: ${meaningOf(refusal)}`, { cause: refusal });
  };
  const file = new File(path, 'w');
  let closed = -1;
  try {
    await build(file, check);
  } catch (error) {
    check();
    throw error;
  } finally {
    closed = file.close();
  }
  check();
  if (closed !== 0) throw new StorageError(`cannot write ${path}: HDF5 could not close it`);
  const descriptor = openSync(path, 'r+');
  try {
    storing(path, () => fsyncSync(descriptor));
  } finally {
    closeSync(descriptor);
  }
}

/** Opens a file for reading; the caller closes it. Throws EpisodeError when it is none. */
export async function openHdf5(path: string): Promise<File> {
  await library();
  const start = new Uint8Array(SIGNATURE.length);
  try {
    const file = openSync(path, 'r');
    readSync(file, start, 0, start.length, 0);
    closeSync(file);
  } catch (error) {
    throw new EpisodeError(`cannot open ${path}: ${meaningOf(error)}`, { cause: error });
  }
  if (!start.every((byte, i) => byte === SIGNATURE[i])) throw new EpisodeError(`${path} is not an HDF5 file`);
  const file = new File(path, 'r');
  if (file.file_id <= 0n)
    throw new EpisodeError(`${path} is a damaged HDF5 file; it was not closed properly`);
  return file;
}

/** The dataset at `name`, or undefined. */
export function datasetOf(root: Group, name: string): Dataset | undefined {
  const parts = name.split('/');
  let group: Group = root;
  for (const [i, part] of parts.entries()) {
    if (!group.keys().includes(part)) return undefined;
    const entity = group.get(part);
    if (i === parts.length - 1) return entity instanceof Dataset ? entity : undefined;
    if (!(entity instanceof Group)) return undefined;
    group = entity;
  }
  return undefined;
}

/** The text attribute `name` of the group `group`, or undefined. */
export function textAttribute(root: Group, group: string, name: string): string | undefined {
  const entity = root.keys().includes(group) ? root.get(group) : null;
  const value = entity instanceof Group ? entity.attrs[name]?.value : undefined;
  return typeof value === 'string' ? value : undefined;
}

/** Names of what the group at `name` holds; none when there is no such group. */
export function namesIn(root: Group, name: string): string[] {
  let group: Group = root;
  for (const part of name.split('/')) {
    const entity = group.keys().includes(part) ? group.get(part) : null;
    if (!(entity instanceof Group)) return [];
    group = entity;
  }
  return group.keys();
}
