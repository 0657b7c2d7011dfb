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
  metadata: Record<string, string>;
} {
  if (bytes.length < 8)
    throw new SafetensorsError(`a safetensors file has at least 8 bytes, this one ${bytes.length}`);
  const headerLength = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (8 + headerLength > bytes.length)
    throw new SafetensorsError(
      `the header needs ${headerLength} bytes, the file has ${bytes.length}: it is cut short`,
    );
  let header: Record<string, Entry>;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength))) as Record<
      string,
      Entry
    >;
  } catch {
    throw new SafetensorsError('the header is not JSON: this is not a safetensors file');
  }
  const { __metadata__: metadata = {}, ...entries } = header;
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(entries)) {
    const raw = bytes.slice(8 + headerLength + offsets[0], 8 + headerLength + offsets[1]);
    if (raw.length !== offsets[1] - offsets[0])
      throw new SafetensorsError(
        `tensor "${name}" ends at byte ${offsets[1]} of the data: the file is cut short`,
      );
    const data = toFloat32(raw.buffer, dtype);
    if (!data) throw new SafetensorsError(`tensor "${name}" has type ${dtype}, which is not read here`);
    if (data.length !== shape.reduce((product, size) => product * size, 1))
      throw new SafetensorsError(
        `tensor "${name}" of shape (${shape.join(', ')}) has ${data.length} elements`,
      );
    tensors.set(name, { shape, data });
  }
  return { tensors, metadata: metadata as unknown as Record<string, string> };
}

function toFloat32(buffer: ArrayBuffer, dtype: string): Float32Array | undefined {
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer);
    case 'F64':
      return Float32Array.from(new Float64Array(buffer));
    case 'BF16': // the upper half of a float32
      return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (half) => half << 16).buffer);
    case 'F16':
      return Float32Array.from(new Uint16Array(buffer), halfToNumber);
    case 'I64':
      return Float32Array.from(new BigInt64Array(buffer), Number);
    case 'I32':
      return Float32Array.from(new Int32Array(buffer));
    default:
      return undefined;
  }
}

/** IEEE 754 half precision. */
function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
