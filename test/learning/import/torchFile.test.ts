/** Files that PyTorch and numpy wrote, and the same files damaged in every way that comes to mind. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CheckpointError } from '#alohad/contract/errors.js';
import { PickleError, readPickle } from '#alohad/learning/import/pickle.js';
import { readTorchFile } from '#alohad/learning/import/torchFile.js';
import { bytes, fixtureText, type ImportFixture } from './importFixture.js';
import { torchFile, zip } from './torchFileWriter.js';

interface TorchFixture extends ImportFixture {
  /** `torch.save` of five tensors over the numbers 0, 1/8, 2/8, ...: whole, transposed, a window, a scalar, empty. */
  readonly torchSave: string;
  readonly torchSaveHalf: string;
  /** `torch.save` of a dict that holds the function os.getcwd. */
  readonly torchSaveFunction: string;
}

const fixture: TorchFixture = JSON.parse(fixtureText('act'));
const folder = mkdtempSync(join(tmpdir(), 'alohad-torch-'));
const path = join(folder, 'file.ckpt');
afterAll(() => rmSync(folder, { recursive: true }));

const read = (content: Uint8Array, wanted: (name: string) => boolean = () => true) => {
  writeFileSync(path, content);
  return readTorchFile(path, wanted);
};

describe('a file of torch.save', () => {
  it('gives every tensor in row-major order, whatever its strides', () => {
    const tensors = read(bytes(fixture.torchSave));
    const eighths = (...numbers: number[]) => Float32Array.from(numbers, (n) => n / 8);
    expect(tensors.get('plain')).toEqual({ shape: [2, 3, 4], data: eighths(...Array(24).keys()) });
    // permute(2, 0, 1): the last axis first.
    const transposed = [0, 1, 2, 3].flatMap((i) => [0, 4, 8, 12, 16, 20].map((start) => start + i));
    expect(tensors.get('transposed')).toEqual({ shape: [4, 2, 3], data: eighths(...transposed) });
    expect(tensors.get('window')).toEqual({ shape: [2, 4], data: eighths(16, 17, 18, 19, 20, 21, 22, 23) });
    expect(tensors.get('scalar')).toEqual({ shape: [], data: Float32Array.of(2.5) });
    expect(tensors.get('empty')).toEqual({ shape: [0, 3], data: new Float32Array(0) });
  });

  it('gives only what is wanted', () => {
    expect([...read(bytes(fixture.torchSave), (name) => name === 'window').keys()]).toEqual(['window']);
  });

  it('cut short anywhere is refused by name', () => {
    const whole = bytes(fixture.torchSave);
    for (let length = 0; length < whole.length; length += 97) {
      expect(() => read(whole.subarray(0, length)), `cut at ${length}`).toThrow(CheckpointError);
    }
  });

  it('with a flipped bit in a tensor is refused', () => {
    const damaged = torchFile(new Map([['a', { shape: [4], data: new Float32Array(4).fill(1) }]]));
    const at = Buffer.from(damaged).indexOf(Buffer.from([0, 0, 0x80, 0x3f]));
    damaged[at + 2]! ^= 1;
    expect(() => read(damaged)).toThrow(/damaged bytes in policy\/data\/0/);
  });

  it.each([
    ['torchSaveHalf', /names torch\.HalfStorage, which is not among.*Only a float32 state dict/],
    ['torchSaveFunction', /names posix\.getcwd, which is not among/],
  ] as const)('%s is refused without running anything', (name, message) => {
    expect(() => read(bytes(fixture[name]))).toThrow(message);
  });

  it('that is something else is refused', () => {
    expect(() => read(zip(new Map([['a.txt', new Uint8Array(3)]])))).toThrow(
      /no data\.pkl: it was not written by torch/,
    );
    expect(() => read(Buffer.from('\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.', 'latin1'))).toThrow(
      /PyTorch < 1\.6/,
    );
    expect(() => readTorchFile(join(folder, 'none'), () => true)).toThrow(/none cannot be opened/);
  });
});

describe('a pickle', () => {
  const none = { constructors: new Map() };
  // {'a': [1, -2, 3.5, None, True, b'x', ('t', 300)]} by Python's pickle.dumps, protocol 4.
  const python = Buffer.from(
    '8004952b000000000000007d948c0161945d94284b014afeffffff47400c0000000000004e88430178948c0174944d2c01869465732e',
    'hex',
  );

  it('gives dicts, lists, tuples and atoms', () => {
    expect(readPickle(python, none)).toEqual(
      new Map([['a', [1, -2, 3.5, null, true, Uint8Array.of(0x78), ['t', 300]]]]),
    );
  });

  it('cut anywhere is a PickleError, never something else', () => {
    for (let length = 0; length < python.length; length++) {
      expect(() => readPickle(python.subarray(0, length), none), `cut at ${length}`).toThrow(PickleError);
    }
  });

  it.each([
    ['an opcode of no use here (INST)', [0x28, 0x69], /byte 1 holds opcode 0x69/],
    ['a call of a string', [0x58, 1, 0, 0, 0, 0x61, 0x29, 0x52, 0x2e], /calls something that is not a class/],
    ['a prototype', [...Buffer.from('cbuiltins\n__proto__\n.')], /names builtins\.__proto__/],
    ['an unknown memo', [0x68, 7, 0x2e], /object 7, not seen before/],
    ['a list that is none', [0x4e, 0x4e, 0x61, 0x2e], /not a list/],
    ['an empty stack', [0x2e], /takes more than it has given/],
  ])('with %s is refused', (_, content, message) => {
    expect(() => readPickle(Uint8Array.from(content), none)).toThrow(message);
  });
});
