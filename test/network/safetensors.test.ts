import { describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors, SafetensorsError } from '#alohad/network/safetensors.js';

const TENSORS = new Map([
  ['a.weight', { shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 0, 1e-30, -7) }],
  ['b', { shape: [], data: Float32Array.of(42) }],
  ['empty', { shape: [0, 4], data: new Float32Array(0) }],
]);

/** A file with one tensor of `dtype` whose bytes are given. */
function file(dtype: string, shape: readonly number[], data: Uint8Array): Uint8Array {
  const header = new TextEncoder().encode(
    JSON.stringify({ x: { dtype, shape, data_offsets: [0, data.length] } }),
  );
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  return Uint8Array.from([...length, ...header, ...data]);
}

describe('safetensors', () => {
  it('reads back what it wrote, metadata included', () => {
    const { tensors, metadata } = decodeSafetensors(encodeSafetensors(TENSORS, { by: 'test' }));
    expect(tensors).toEqual(TENSORS);
    expect(metadata).toEqual({ by: 'test' });
  });

  it('reads from the middle of a larger buffer', () => {
    const bytes = encodeSafetensors(TENSORS);
    const larger = new Uint8Array(bytes.length + 20).fill(255);
    larger.set(bytes, 3);
    expect(decodeSafetensors(larger.subarray(3, 3 + bytes.length)).tensors).toEqual(TENSORS);
  });

  it('converts the other types that public checkpoints hold', () => {
    // 1.5, -2 and the smallest subnormal as half precision; 1.5 and -2 as bfloat16.
    const half = decodeSafetensors(file('F16', [3], Uint8Array.of(0x00, 0x3e, 0x00, 0xc0, 0x01, 0x00)));
    expect([...half.tensors.get('x')!.data]).toEqual([1.5, -2, 2 ** -24]);
    const brain = decodeSafetensors(file('BF16', [2], Uint8Array.of(0xc0, 0x3f, 0x00, 0xc0)));
    expect([...brain.tensors.get('x')!.data]).toEqual([1.5, -2]);
    const long = decodeSafetensors(file('I64', [1], new Uint8Array(BigInt64Array.of(-5n).buffer)));
    expect([...long.tensors.get('x')!.data]).toEqual([-5]);
  });

  it('refuses a file that is cut anywhere', () => {
    const bytes = encodeSafetensors(TENSORS);
    for (let length = 0; length < bytes.length; length++)
      expect(() => decodeSafetensors(bytes.subarray(0, length)), `${length} bytes`).toThrow(SafetensorsError);
  });

  it('refuses other files, unknown types and sizes that do not fit', () => {
    expect(() => decodeSafetensors(new Uint8Array(64).fill(0x7b))).toThrow(SafetensorsError);
    expect(() => decodeSafetensors(file('F8', [1], Uint8Array.of(0)))).toThrow('type F8');
    expect(() => decodeSafetensors(file('F32', [2], new Uint8Array(4)))).toThrow('shape (2)');
    expect(() => decodeSafetensors(file('F32', [1], new Uint8Array(3)))).toThrow(SafetensorsError);
  });
});
