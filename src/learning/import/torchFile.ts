/**
 * Reads a state dict saved by `torch.save`: a ZIP archive with `data.pkl`, which names every tensor and describes it
 * as a window into a storage, and one member per storage with its raw little-endian numbers.
 * Source of the layout: pytorch torch/serialization.py (`_save`) and torch/_utils.py (`_rebuild_tensor_v2`).
 */
import { CheckpointError } from '../../contract/errors.js';
import { PickleError, PickleName, readPickle, type PickleConstructor } from './pickle.js';
import { ZipArchive } from './zipArchive.js';

/** Row-major float32 numbers with the shape that PyTorch gives them. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A member of the archive: the numbers that one or more tensors look into. */
class Storage {
  readonly key: string;

  /** `id` is ('storage', class, key, device it was saved from, number of elements). */
  constructor(id: unknown) {
    const [kind, type, key]: unknown[] = Array.isArray(id) ? id : [];
    if (
      kind !== 'storage' ||
      !(type instanceof PickleName) ||
      type.name !== FLOAT_STORAGE ||
      typeof key !== 'string'
    ) {
      throw new PickleError(`refers to something other than a ${FLOAT_STORAGE}`);
    }
    this.key = key;
  }
}

/** A tensor before its numbers are read. */
class Window {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly stride: readonly number[];

  constructor([storage, offset, shape, stride]: readonly unknown[]) {
    if (!(storage instanceof Storage) || !isCount(offset) || !areCounts(shape) || !areCounts(stride)) {
      throw new PickleError('holds a tensor without storage, offset, shape or strides');
    }
    if (shape.length !== stride.length)
      throw new PickleError('holds a tensor with fewer strides than dimensions');
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.stride = stride;
  }
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0;
const areCounts = (value: unknown): value is number[] => Array.isArray(value) && value.every(isCount);

const WINDOW_FUNCTION = 'torch._utils._rebuild_tensor_v2';
const FLOAT_STORAGE = 'torch.FloatStorage';

/**
 * The float32 tensors of a `torch.save`d dict, by name. Entries that are not tensors are left out.
 * @param wanted which names to read; the others cost nothing.
 * Throws CheckpointError.
 */
export function readTorchFile(path: string, wanted: (name: string) => boolean): Map<string, Tensor> {
  const archive = new ZipArchive(path);
  try {
    const index = archive.names.find((name) => name.endsWith('/data.pkl'));
    if (index === undefined) {
      throw new CheckpointError(
        `${path} is a ZIP archive but has no data.pkl: it was not written by torch.save`,
      );
    }
    const folder = index.slice(0, -'data.pkl'.length);
    checkByteOrder(path, archive, `${folder}byteorder`);
    const windows = readWindows(path, archive.read(index));
    const tensors = new Map<string, Tensor>();
    for (const [name, window] of windows) {
      if (wanted(name))
        tensors.set(
          name,
          copyWindow(path, name, window, archive.read(`${folder}data/${window.storage.key}`)),
        );
    }
    return tensors;
  } finally {
    archive.close();
  }
}

function checkByteOrder(path: string, archive: ZipArchive, member: string): void {
  if (!archive.names.includes(member)) return; // PyTorch < 2.1 does not say; it only ran on little-endian machines
  const order = Buffer.from(archive.read(member)).toString();
  if (order !== 'little') {
    throw new CheckpointError(
      `${path} holds ${order}-endian numbers; load and torch.save it on a little-endian machine`,
    );
  }
}

function readWindows(path: string, pickle: Uint8Array): Map<string, Window> {
  const constructors = new Map<string, PickleConstructor>([
    ['collections.OrderedDict', () => new Map()],
    [FLOAT_STORAGE, () => undefined],
    [WINDOW_FUNCTION, (args) => new Window(args)],
  ]);
  let content: unknown;
  try {
    content = readPickle(pickle, { constructors, persistent: (id) => new Storage(id) });
  } catch (cause) {
    if (!(cause instanceof PickleError)) throw cause;
    throw new CheckpointError(
      `${path}: data.pkl ${cause.message}. Only a float32 state dict can be imported: in Python, load the policy and ` +
        `torch.save(policy.state_dict(), file)`,
      { cause },
    );
  }
  if (!(content instanceof Map)) {
    throw new CheckpointError(
      `${path} holds no state dict: in Python, torch.save(policy.state_dict(), file)`,
    );
  }
  const windows = new Map<string, Window>();
  for (const [name, value] of content)
    if (typeof name === 'string' && value instanceof Window) windows.set(name, value);
  return windows;
}

/** The window's numbers in row-major order, whatever strides it was saved with. */
function copyWindow(path: string, name: string, window: Window, bytes: Uint8Array): Tensor {
  const { shape, stride, offset } = window;
  const storage = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
  const size = shape.reduce((product, n) => product * n, 1);
  const last = shape.reduce((index, n, axis) => index + (n - 1) * stride[axis]!, offset);
  if (size > storage.length || (size > 0 && last >= storage.length)) {
    throw new CheckpointError(
      `${path}: ${name} of shape [${shape.join(', ')}] ends outside of its ${storage.length} numbers`,
    );
  }
  if (isRowMajor(shape, stride)) return { shape, data: storage.slice(offset, offset + size) };
  const data = new Float32Array(size);
  const index = shape.map(() => 0);
  for (let i = 0; i < size; i++) {
    data[i] = storage[index.reduce((at, n, axis) => at + n * stride[axis]!, offset)]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
  return { shape, data };
}

function isRowMajor(shape: readonly number[], stride: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && stride[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}
