/** Writes state dicts as `torch.save` does, so that tests can hand the importer any tensors, and any damage. */
import { crc32 } from 'node:zlib';
import type { Weight } from '#alohad/network/actParameters.js';

/** Bytes of a file with these float32 tensors. */
export function torchFile(tensors: ReadonlyMap<string, Weight>): Uint8Array {
  const members = new Map<string, Uint8Array>([['policy/data.pkl', stateDict(tensors)]]);
  [...tensors.values()].forEach(({ data }, i) =>
    members.set(`policy/data/${i}`, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  );
  return zip(members);
}

const ascii = (text: string): number[] => [...Buffer.from(text)];
const uint32 = (n: number): number[] => [n & 255, (n >> 8) & 255, (n >> 16) & 255, n >>> 24];

const uint16 = (...numbers: number[]): number[] => numbers.flatMap((n) => [n & 255, n >> 8]);

const name = (module: string, of: string): number[] => ascii(`c${module}\n${of}\n`); // GLOBAL
const text = (value: string): number[] => [0x58, ...uint32(Buffer.byteLength(value)), ...ascii(value)]; // BINUNICODE
const int = (value: number): number[] => [0x4a, ...uint32(value)]; // BININT
const tuple = (...items: number[][]): number[] => [0x28, ...items.flat(), 0x74]; // MARK, TUPLE
const call = (what: number[], args: number[]): number[] => [...what, ...args, 0x52]; // REDUCE
const ORDERED_DICT = call(name('collections', 'OrderedDict'), [0x29]); // EMPTY_TUPLE

/** Pickle, protocol 2: an OrderedDict of tensors, each a window into a storage kept outside of the pickle. */
function stateDict(tensors: ReadonlyMap<string, Weight>): Uint8Array {
  const items = [...tensors].flatMap(([key, { shape, data }], i) => {
    const storage = [
      ...tuple(
        text('storage'),
        name('torch', 'FloatStorage'),
        text(String(i)),
        text('cuda:0'),
        int(data.length),
      ),
      0x51, // BINPERSID
    ];
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, n) => product * n, 1));
    const window = tuple(
      storage,
      int(0), // offset
      tuple(...shape.map(int)),
      tuple(...strides.map(int)),
      [0x89], // does not require a gradient
      ORDERED_DICT, // hooks
    );
    return [...text(key), ...call(name('torch._utils', '_rebuild_tensor_v2'), window)];
  });
  return Uint8Array.from([0x80, 2, ...ORDERED_DICT, 0x28, ...items, 0x75, 0x2e]); // MARK ... SETITEMS, STOP
}

/** A ZIP archive of stored members. */
export function zip(members: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: number[] = [];
  let offset = 0;
  for (const [path, bytes] of members) {
    const sizes = [...uint32(bytes.length), ...uint32(bytes.length)]; // compressed, as it is
    const shared = [
      // version needed; flags; stored; time and date
      ...uint16(20, 0, 0, 0, 0),
      ...uint32(crc32(bytes)),
      ...sizes,
      // length of the name; of the extra field
      ...uint16(path.length, 0),
    ];
    const header = Uint8Array.from([...uint32(0x04034b50), ...shared, ...ascii(path)]);
    // comment, disk, attributes, more attributes, place of the header
    const place = [...uint16(0, 0, 0), ...uint32(0), ...uint32(offset)];
    directory.push(...uint32(0x02014b50), ...uint16(20), ...shared, ...place, ...ascii(path));
    parts.push(header, bytes);
    offset += header.length + bytes.length;
  }
  // disk, disk of the directory, entries here, entries
  const counts = uint16(0, 0, members.size, members.size);
  const end = [
    ...uint32(0x06054b50),
    ...counts,
    ...uint32(directory.length),
    ...uint32(offset),
    ...uint16(0),
  ];
  return Buffer.concat([...parts, Uint8Array.from([...directory, ...end])]);
}
