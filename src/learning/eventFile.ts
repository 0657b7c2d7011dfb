/**
 * Scalars as an event file that TensorBoard reads: TFRecord frames around protobuf `Event` messages.
 *
 * Sources of the numbers: tensorflow/core/lib/io/record_writer.h (frames, masked CRC), tensorflow/core/util/event.proto
 * and framework/summary.proto (fields).
 */
import { readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { FileSink } from '../episodes/byteSink.js';
import { storing } from '../contract/systemError.js';

const PREFIX = 'events.out.tfevents.';

export class EventFile {
  readonly #sink: FileSink;

  /**
   * Begins a new file in `folder`: one for each start of a run, which TensorBoard reads one after the other. Values that
   * an earlier file has of `firstStep` and later are void from here on. Throws StorageError.
   */
  static begin(folder: string, firstStep: number, nowMs = Date.now()): EventFile {
    const earlier = storing(folder, () => readdirSync(folder)).filter((name) => name.startsWith(PREFIX));
    // Read in the order of their names: times have ten digits until the year 2286, the number parts equal ones.
    const number = String(earlier.length).padStart(4, '0');
    const time = String(Math.floor(nowMs / 1000)).padStart(10, '0');
    const file = new EventFile(FileSink.create(join(folder, `${PREFIX}${time}.${hostname()}.${number}`)));
    file.#write([timeAndStep(nowMs, 0), text(3, 'brain.Event:2')]);
    const start = [varint(1, 1)];
    if (earlier.length > 0) file.#write([timeAndStep(nowMs, firstStep), message(7, start)]);
    return file;
  }

  private constructor(sink: FileSink) {
    this.#sink = sink;
  }

  /** Adds values at `step`; those that are not finite are left out. Throws StorageError; the file is then as before. */
  scalars(step: number, values: Readonly<Record<string, number>>, nowMs = Date.now()): void {
    const summary = Object.entries(values)
      .filter(([, value]) => Number.isFinite(value))
      .map(([tag, value]) => message(1, [text(1, tag), float(2, value)]));
    if (summary.length > 0) this.#write([timeAndStep(nowMs, step), message(5, summary)]);
  }

  close(): void {
    this.#sink.close();
  }

  /** One write per record, at the place behind the last whole one. */
  #write(event: readonly Uint8Array[]): void {
    this.#sink.write(frame(Buffer.concat(event)));
  }
}

/** A TFRecord: length, its checksum, the data, their checksum. */
export function frame(data: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(8 + 4 + data.length + 4);
  bytes.writeBigUInt64LE(BigInt(data.length), 0);
  bytes.writeUInt32LE(maskedCrc32c(bytes.subarray(0, 8)), 8);
  bytes.set(data, 12);
  bytes.writeUInt32LE(maskedCrc32c(data), 12 + data.length);
  return bytes;
}

/** CRC-32C (Castagnoli), reflected polynomial; source: RFC 3720, appendix B.4. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  return crc;
});

export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 0xff]!;
  return ~crc >>> 0;
}

/** Masked, as checksums of data that hold checksums are weak. */
function maskedCrc32c(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

// Protobuf: a field begins with its number times 8 plus how its value is stored.
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_FIRST = 2;
const FIXED32 = 5;

/** Wall time [s] in field 1 and step in field 2, which is left out when it is 0. */
function timeAndStep(nowMs: number, step: number): Uint8Array {
  const time = Buffer.alloc(9);
  time[0] = (1 << 3) | FIXED64;
  time.writeDoubleLE(nowMs / 1000, 1);
  return Buffer.concat(step === 0 ? [time] : [time, varint(2, step)]);
}

function varint(field: number, value: number): Uint8Array {
  return Uint8Array.from([(field << 3) | VARINT, ...base128(value)]);
}

function float(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(5);
  bytes[0] = (field << 3) | FIXED32;
  bytes.writeFloatLE(value, 1);
  return bytes;
}

function text(field: number, value: string): Uint8Array {
  return message(field, [Buffer.from(value)]);
}

function message(field: number, parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  return Buffer.concat([Uint8Array.from([(field << 3) | LENGTH_FIRST, ...base128(content.length)]), content]);
}

/** Seven bits a byte, the lowest first. */
function base128(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return [...bytes, rest];
}
