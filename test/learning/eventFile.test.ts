/** Event files, byte for byte as TensorFlow's writer makes them; test vectors of the checksum from RFC 3720, B.4. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { crc32c, EventFile, frame } from '#alohad/learning/eventFile.js';

/** Written by tensorboard 2.21.0 (RecordWriter, event_pb2.Event): the version, and one scalar at step 300. */
const GOLDEN =
  '1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b3531101e00000000000000d9dc1232' +
  '0900004040fc54d94110ac022a100a0e0a0773756363657373150000003ffb74d340';

const filesOf = (folder: string) =>
  readdirSync(folder)
    .toSorted()
    .map((name) => readFileSync(join(folder, name)));

/** The data of each record; fails when a checksum or length is wrong. */
function recordsOf(bytes: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const data = bytes.subarray(at + 12, at + 12 + Number(bytes.readBigUInt64LE(at)));
    expect(bytes.subarray(at, at + data.length + 16)).toEqual(frame(data));
    records.push(data);
    at += data.length + 16;
  }
  return records;
}

test('the checksum is CRC-32C', () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
});

test('a file of one value is the one that the tensorboard package writes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'events-'));
  const file = EventFile.begin(folder, 1, 1_700_000_000_500);
  file.scalars(300, { success: 0.5, nothing: Number.NaN }, 1_700_000_001_000);
  file.close();
  const [bytes] = filesOf(folder);
  expect(bytes!.toString('hex')).toBe(GOLDEN);
});

test('a resumed run begins another file, which voids what lies behind the step it goes on from', () => {
  const folder = mkdtempSync(join(tmpdir(), 'events-'));
  for (const firstStep of [1, 8]) {
    const file = EventFile.begin(folder, firstStep, 1_700_000_000_000);
    file.scalars(firstStep, { success: 1 });
    file.close();
  }
  const [first, second] = filesOf(folder).map(recordsOf);
  expect(first).toHaveLength(2);
  expect(second).toHaveLength(3);
  // Field 2 is the step, field 7 the session log with status START.
  expect(second![1]!.subarray(9).toString('hex')).toBe('10083a020801');
});
