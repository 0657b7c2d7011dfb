/**
 * The safetensors file format: an 8-byte length, a JSON header, then the raw tensors, little-endian.
 * Source: github.com/huggingface/safetensors (README, "Format").
 */

export interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The file is torn, or holds a type that is not read here. */
export class SafetensorsError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SafetensorsError';
  }
}

/** Bytes of a file with float32 `tensors` and text `metadata`. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  // Spaces at the end of the header keep the data aligned.
  const headerLength = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerLength + offset).fill(0x20, 8, 8 + headerLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.set(text, 8);
  let position = 8 + headerLength;
  for (const { data } of tensors.values()) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return bytes;
}

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** Reads every tensor as float32 (F32, F64, F16, BF16, I64 and I32 are converted). Throws SafetensorsError. */
export function decodeSafetensors(bytes: Uint8Array): {
  tensors: Map<string, StoredTensor>;
  metadata: Record<string, unknown>;
} {
  if (bytes.length < 8)
    throw new SafetensorsError(`a safetensors file has at least 8 bytes, this one ${bytes.length}`);
  const headerLength = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (8 + headerLength > bytes.length)
    throw new SafetensorsError(
      `the header needs ${headerLength} bytes, the file has ${bytes.length}: it is cut short`,
    );
  const header = parseHeader(bytes.subarray(8, 8 + headerLength));
  const tensors = new Map<string, StoredTensor>();
  let metadata = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      metadata = isObject(entry) ? entry : {};
      continue;
    }
    if (!isEntry(entry)) throw new SafetensorsError(`the header's entry for "${name}" is not a tensor`);
    const { dtype, shape, data_offsets: offsets } = entry;
    const type = TYPES[dtype];
    if (!type) throw new SafetensorsError(`tensor "${name}" has type ${dtype}, which is not read here`);
    const raw = bytes.slice(8 + headerLength + offsets[0], 8 + headerLength + offsets[1]);
    if (raw.length !== offsets[1] - offsets[0])
      throw new SafetensorsError(
        `tensor "${name}" ends at byte ${offsets[1]} of the data: the file is cut short`,
      );
    const needed = type.bytes * shape.reduce((product, size) => product * size, 1);
    if (raw.length !== needed)
      throw new SafetensorsError(
        `tensor "${name}" of shape (${shape.join(', ')}) has ${raw.length} bytes, not ${needed}`,
      );
    const data = type.read(raw.buffer);
    tensors.set(name, { shape, data });
  }
  return { tensors, metadata };
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (isObject(header)) return header;
  } catch {
    // Told below, with what it means.
  }
  throw new SafetensorsError('the header is not a JSON object: this is not a safetensors file');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEntry(value: unknown): value is Entry {
  return (
    isObject(value) &&
    typeof value['dtype'] === 'string' &&
    [value['shape'], value['data_offsets']].every(
      (list) => Array.isArray(list) && list.every((item) => typeof item === 'number'),
    )
  );
}

interface StoredType {
  readonly bytes: number;
  read(buffer: ArrayBuffer): Float32Array;
}

const TYPES: Readonly<Record<string, StoredType>> = {
  F32: { bytes: 4, read: (buffer) => new Float32Array(buffer) },
  F64: { bytes: 8, read: (buffer) => Float32Array.from(new Float64Array(buffer)) },
  F16: { bytes: 2, read: (buffer) => Float32Array.from(new Uint16Array(buffer), halfToNumber) },
  // The upper half of a float32.
  BF16: {
    bytes: 2,
    read: (buffer) =>
      new Float32Array(Uint32Array.from(new Uint16Array(buffer), (half) => half << 16).buffer),
  },
  I64: { bytes: 8, read: (buffer) => Float32Array.from(new BigInt64Array(buffer), Number) },
  I32: { bytes: 4, read: (buffer) => Float32Array.from(new Int32Array(buffer)) },
};

/** IEEE 754 half precision. */
function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
