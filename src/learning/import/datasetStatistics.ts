/**
 * Reads `dataset_stats.pkl` of act and act-plus-plus: a pickled dict of numpy vectors, among them
 * qpos_mean, qpos_std, action_mean and action_std.
 * Source of numpy's pickled form: numpy multiarray/methods.c (array_setstate) and numpy/_core/numeric.py (_frombuffer).
 */
import { readFileSync } from 'node:fs';
import type { Normalisation } from '../../contract/checkpoint.js';
import { CheckpointError } from '../../contract/errors.js';
import { meaningOf } from '../../contract/systemError.js';
import { PickleError, readPickle, type PickleConstructor, type Stateful } from './pickle.js';

/** A numpy dtype: a code such as `f4`, and a byte order that comes with its state. */
class NumpyType implements Stateful {
  readonly code: string;
  #order = '<';

  constructor(code: string) {
    this.code = code;
  }

  setState(state: unknown): void {
    if (Array.isArray(state) && typeof state[1] === 'string') this.#order = state[1];
  }

  /** The numbers in `bytes`, or undefined when they are not little-endian floats. */
  decode(bytes: Uint8Array): number[] | undefined {
    if (this.#order === '>') return undefined;
    const copy = Uint8Array.from(bytes).buffer; // aligned, which a window into the file is not
    if (this.code === 'f4' && bytes.length % 4 === 0) return [...new Float32Array(copy)];
    if (this.code === 'f8' && bytes.length % 8 === 0) return [...new Float64Array(copy)];
    return undefined;
  }
}

/** A numpy array as its pickle builds it. */
class NumpyArray implements Stateful {
  #type: unknown;
  #bytes: unknown;

  constructor(bytes?: unknown, type?: unknown) {
    this.#bytes = bytes;
    this.#type = type;
  }

  /** (version, shape, dtype, is Fortran order, bytes); vectors have no order. */
  setState(state: unknown): void {
    if (Array.isArray(state)) [, , this.#type, , this.#bytes] = state as unknown[];
  }

  numbers(): number[] | undefined {
    if (!(this.#type instanceof NumpyType) || !(this.#bytes instanceof Uint8Array)) return undefined;
    return this.#type.decode(this.#bytes);
  }
}

const emptyArray: PickleConstructor = () => new NumpyArray();
const arrayOfBuffer: PickleConstructor = ([bytes, type]) => new NumpyArray(bytes, type);

const CONSTRUCTORS = new Map<string, PickleConstructor>([
  ['numpy.ndarray', () => undefined],
  ['numpy.dtype', ([code]) => new NumpyType(String(code))],
  // numpy 1 and numpy 2 keep the same functions under different names.
  ['numpy.core.multiarray._reconstruct', emptyArray],
  ['numpy._core.multiarray._reconstruct', emptyArray],
  ['numpy.core.numeric._frombuffer', arrayOfBuffer],
  ['numpy._core.numeric._frombuffer', arrayOfBuffer],
  // Protocol 2 writes bytes as text of code points 0 to 255.
  ['_codecs.encode', ([text]) => Uint8Array.from(String(text), (character) => character.charCodeAt(0))],
]);

export interface DatasetStatistics {
  readonly qpos: Normalisation;
  readonly action: Normalisation;
}

/** Throws CheckpointError naming the statistic that is missing or unusable. */
export function readDatasetStatistics(path: string): DatasetStatistics {
  let content: unknown;
  try {
    content = readPickle(readFileSync(path), { constructors: CONSTRUCTORS });
  } catch (cause) {
    throw new CheckpointError(
      `${path} ${cause instanceof PickleError ? cause.message : `cannot be read: ${meaningOf(cause)}`}. ` +
        `It should be the dataset_stats.pkl that lies beside the checkpoint`,
      { cause },
    );
  }
  if (!(content instanceof Map))
    throw new CheckpointError(`${path} holds no dict of statistics; it is not a dataset_stats.pkl`);
  const vector = (key: string): number[] => {
    const value: unknown = content.get(key);
    const numbers = value instanceof NumpyArray ? value.numbers() : undefined;
    if (!numbers?.every(Number.isFinite)) {
      const keys = [...content.keys()].join(', ');
      throw new CheckpointError(
        `${path}: ${key} is ${value === undefined ? `missing (present: ${keys})` : 'no vector of finite float32 or float64 numbers'}. ` +
          `A policy without its statistics cannot be served; take the dataset_stats.pkl of the same training run`,
      );
    }
    return numbers;
  };
  return {
    qpos: { mean: vector('qpos_mean'), std: vector('qpos_std') },
    action: { mean: vector('action_mean'), std: vector('action_std') },
  };
}
