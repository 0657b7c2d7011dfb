/**
 * Reads an MCAP file from front to back without its indices, so that a torn file reads as well as a whole one.
 *
 * Missing or damaged bytes are a result, not an exception: the walk ends there and says how many bytes before are
 * good. Memory is bounded by the largest record. Only uncompressed chunks are read, as only those are written here.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { MCAP_MAGIC } from '@mcap/core';
import type { Channel, Schema } from '@mcap/core';
import { EpisodeError } from '../contract/errors.js';
import { ByteCursor } from './byteCursor.js';
import { countMessages, emptySummary } from './mcapFile.js';
import type { McapSummary } from './mcapFile.js';
import { meaningOf } from '../contract/systemError.js';

export interface McapMessage {
  readonly channelId: number;
  readonly sequence: number;
  readonly timeNs: bigint;
  /** Borrowed: overwritten by the next chunk. */
  readonly data: Uint8Array;
  /** Where `data` begins in the file. */
  readonly offset: number;
}

/** What the caller wants to see. Records nobody wants are skipped without being read. */
export interface McapVisitor {
  metadata?(name: string, entries: ReadonlyMap<string, string>): void;
  attachment?(name: string, mediaType: string, data: Uint8Array): void;
  channel?(channel: Channel, schemaName: string): void;
  message?(message: McapMessage): void;
}

export interface McapWalk {
  /** Whether the end mark was reached with everything before it intact. */
  readonly complete: boolean;
  /** Bytes from the start up to the last record, or chunk with its indices, that is whole. */
  readonly validBytes: number;
  /** `torn`: bytes are missing at the end. `damaged`: bytes are there and wrong. */
  readonly fault: 'none' | 'torn' | 'damaged';
  readonly reason: string;
  /** With `index: true`, and exact when the walk was limited to `validBytes` or is complete. */
  readonly summary: McapSummary;
}

export interface WalkOptions {
  /** Collects the summary, which needs the CRC of every byte. */
  readonly index?: boolean;
  /** Reads no further than this many bytes. */
  readonly limit?: number;
  /** Skips the contents of chunks; for reading metadata alone. */
  readonly skipChunks?: boolean;
}

/** Record types; source: https://mcap.dev/spec, Opcodes. */
const OPCODE = {
  HEADER: 0x01,
  SCHEMA: 0x03,
  CHANNEL: 0x04,
  MESSAGE: 0x05,
  CHUNK: 0x06,
  MESSAGE_INDEX: 0x07,
  ATTACHMENT: 0x09,
  METADATA: 0x0c,
  DATA_END: 0x0f,
} as const;

class Damage extends Error {}

const RECORD_HEADER_BYTES = 9;

/** Walks the file at `path`. Throws EpisodeError when it cannot be opened or is not MCAP at all. */
export function walkMcap(path: string, visitor: McapVisitor, options: WalkOptions = {}): McapWalk {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw new EpisodeError(`cannot open episode ${path}: ${meaningOf(error)}`, { cause: error });
  }
  try {
    return new Walk(path, file, visitor, options).run();
  } finally {
    closeSync(file);
  }
}

class Walk {
  readonly #path: string;
  readonly #file: number;
  readonly #size: number;
  readonly #visitor: McapVisitor;
  readonly #options: WalkOptions;
  readonly #summary = emptySummary();
  #buffer = new Uint8Array(1 << 16);
  #validBytes = 0;
  #crcBytes = 0;
  /** Channels of the last chunk whose index has not come yet; the chunk counts once this is empty. */
  #unindexed = new Set<number>();

  constructor(path: string, file: number, visitor: McapVisitor, options: WalkOptions) {
    this.#path = path;
    this.#file = file;
    this.#visitor = visitor;
    this.#options = options;
    this.#size = Math.min(fstatSync(file).size, options.limit ?? Infinity);
  }

  run(): McapWalk {
    const magic = this.#read(0, Math.min(MCAP_MAGIC.length, this.#size));
    if (!magic.every((byte, i) => byte === MCAP_MAGIC[i])) {
      throw new EpisodeError(
        `${this.#path} is not an MCAP file: it does not begin with the MCAP magic bytes`,
      );
    }
    if (magic.length < MCAP_MAGIC.length) return this.#end('torn', `the file has only ${this.#size} bytes`);
    this.#accept(MCAP_MAGIC.length);

    for (let offset = MCAP_MAGIC.length; ;) {
      if (offset + RECORD_HEADER_BYTES > this.#size)
        return this.#end('torn', `it ends at byte ${this.#size}`);
      const header = new ByteCursor(this.#read(offset, RECORD_HEADER_BYTES));
      const opcode = header.uint8();
      const length = header.uint64();
      const contentOffset = offset + RECORD_HEADER_BYTES;
      const next = contentOffset + length;
      if (next > this.#size)
        return this.#end('torn', `the record at byte ${offset} is cut off at ${this.#size}`);
      try {
        if (opcode === OPCODE.DATA_END) return this.#dataEnd(contentOffset, length, next);
        this.#visit(opcode, offset, contentOffset, length);
      } catch (error) {
        if (!(error instanceof Damage || error instanceof RangeError)) throw error;
        return this.#end('damaged', `the record at byte ${offset} is damaged (${error.message})`);
      }
      offset = next;
      if (this.#unindexed.size === 0) this.#accept(offset);
    }
  }

  #visit(opcode: number, offset: number, contentOffset: number, length: number): void {
    const { index, skipChunks } = this.#options;
    switch (opcode) {
      case OPCODE.CHUNK:
        if (this.#unindexed.size > 0) throw new Damage('the chunk before it has no index');
        if (!skipChunks) this.#chunk(offset, contentOffset, length);
        return;
      case OPCODE.MESSAGE_INDEX:
        if (index) this.#messageIndex(offset, contentOffset, length);
        return;
      case OPCODE.METADATA:
        return this.#metadata(offset, contentOffset, length);
      case OPCODE.ATTACHMENT:
        return this.#attachment(offset, contentOffset, length);
      case OPCODE.HEADER:
        return;
      default:
        throw new Damage(`unexpected record type ${opcode}`);
    }
  }

  #chunk(offset: number, contentOffset: number, length: number): void {
    const cursor = new ByteCursor(this.#read(contentOffset, length));
    const messageStartTime = cursor.bigUint64();
    const messageEndTime = cursor.bigUint64();
    const uncompressedSize = cursor.bigUint64();
    const crc = cursor.uint32();
    const compression = cursor.string();
    if (compression !== '') {
      throw new EpisodeError(
        `${this.#path} has chunks compressed with ${compression}; rewrite it with \`mcap decompress\``,
      );
    }
    const records = cursor.bytes(cursor.uint64());
    if (crc !== 0 && crc32(records) !== crc) throw new Damage('wrong CRC');

    const times = new Map<number, bigint[]>();
    const recordsOffset = contentOffset + cursor.position - records.length;
    for (const inner = new ByteCursor(records); inner.remaining > 0;) {
      const opcode = inner.uint8();
      const content = inner.bytes(inner.uint64());
      const record = new ByteCursor(content);
      if (opcode === OPCODE.SCHEMA) this.#schema(record);
      else if (opcode === OPCODE.CHANNEL) this.#channel(record);
      else if (opcode === OPCODE.MESSAGE) {
        const channelId = record.uint16();
        const sequence = record.uint32();
        const timeNs = record.bigUint64();
        record.bigUint64();
        const data = record.bytes(record.remaining);
        if (this.#options.index) {
          const known = times.get(channelId);
          if (known) known.push(timeNs);
          else times.set(channelId, [timeNs]);
        }
        const dataOffset = recordsOffset + inner.position - data.length;
        this.#visitor.message?.({ channelId, sequence, timeNs, data, offset: dataOffset });
      }
    }
    if (!this.#options.index) return;
    for (const [channelId, messageTimes] of times) countMessages(this.#summary, channelId, messageTimes);
    this.#summary.statistics.chunkCount += 1;
    this.#summary.chunks.push({
      messageStartTime,
      messageEndTime,
      chunkStartOffset: BigInt(offset),
      chunkLength: BigInt(length + RECORD_HEADER_BYTES),
      messageIndexOffsets: new Map(),
      messageIndexLength: 0n,
      compression: '',
      compressedSize: uncompressedSize,
      uncompressedSize,
    });
    this.#unindexed = new Set(times.keys());
  }

  #messageIndex(offset: number, contentOffset: number, length: number): void {
    const channelId = new ByteCursor(this.#read(contentOffset, length)).uint16();
    const chunk = this.#summary.chunks.at(-1);
    if (!chunk) throw new Damage('a message index without a chunk');
    chunk.messageIndexOffsets.set(channelId, BigInt(offset));
    chunk.messageIndexLength += BigInt(length + RECORD_HEADER_BYTES);
    this.#unindexed.delete(channelId);
  }

  #schema(record: ByteCursor): void {
    const id = record.uint16();
    const schema: Schema = {
      id,
      name: record.string(),
      encoding: record.string(),
      data: record.bytes(record.uint32()).slice(),
    };
    this.#summary.schemas.set(id, schema);
    this.#summary.statistics.schemaCount = this.#summary.schemas.size;
  }

  #channel(record: ByteCursor): void {
    const channel: Channel = {
      id: record.uint16(),
      schemaId: record.uint16(),
      topic: record.string(),
      messageEncoding: record.string(),
      metadata: record.stringMap(),
    };
    this.#summary.channels.set(channel.id, channel);
    this.#summary.statistics.channelCount = this.#summary.channels.size;
    this.#visitor.channel?.(channel, this.#summary.schemas.get(channel.schemaId)?.name ?? '');
  }

  #metadata(offset: number, contentOffset: number, length: number): void {
    const record = new ByteCursor(this.#read(contentOffset, length));
    const name = record.string();
    this.#visitor.metadata?.(name, record.stringMap());
    this.#summary.metadata.push({
      name,
      offset: BigInt(offset),
      length: BigInt(length + RECORD_HEADER_BYTES),
    });
    this.#summary.statistics.metadataCount += 1;
  }

  #attachment(offset: number, contentOffset: number, length: number): void {
    const content = this.#read(contentOffset, length);
    const record = new ByteCursor(content);
    const logTime = record.bigUint64();
    const createTime = record.bigUint64();
    const name = record.string();
    const mediaType = record.string();
    const data = record.bytes(record.uint64());
    const checked = record.position;
    if (crc32(content.subarray(0, checked)) !== record.uint32()) throw new Damage('wrong CRC');
    this.#visitor.attachment?.(name, mediaType, data);
    this.#summary.attachments.push({
      name,
      mediaType,
      logTime,
      createTime,
      dataSize: BigInt(data.length),
      offset: BigInt(offset),
      length: BigInt(length + RECORD_HEADER_BYTES),
    });
    this.#summary.statistics.attachmentCount += 1;
  }

  /** The data section is whole; the file is, too, when the closing magic is where it belongs. */
  #dataEnd(contentOffset: number, length: number, next: number): McapWalk {
    const crc = new ByteCursor(this.#read(contentOffset, length)).uint32();
    if (this.#unindexed.size > 0) throw new Damage('the last chunk has no index');
    if (this.#options.index && crc !== 0 && crc !== this.#summary.crc) throw new Damage('wrong data CRC');
    const closing = this.#size - MCAP_MAGIC.length;
    if (
      closing < next ||
      !this.#read(closing, MCAP_MAGIC.length).every((byte, i) => byte === MCAP_MAGIC[i])
    ) {
      return this.#end('torn', 'its summary is cut off');
    }
    return this.#end('none', '');
  }

  #end(fault: McapWalk['fault'], reason: string): McapWalk {
    const complete = fault === 'none';
    return { complete, validBytes: this.#validBytes, fault, reason, summary: this.#summary };
  }

  #accept(offset: number): void {
    this.#validBytes = offset;
    if (!this.#options.index) return;
    for (let size; (size = Math.min(offset - this.#crcBytes, 1 << 20)) > 0; this.#crcBytes += size) {
      this.#summary.crc = crc32(this.#read(this.#crcBytes, size), this.#summary.crc);
    }
  }

  /** Bytes of the file, valid until the next call. */
  #read(offset: number, length: number): Uint8Array {
    if (length > this.#buffer.length) this.#buffer = new Uint8Array(length * 2);
    const read = readSync(this.#file, this.#buffer, 0, length, offset);
    if (read < length) throw new EpisodeError(`${this.#path} shrank while it was being read`);
    return this.#buffer.subarray(0, length);
  }
}
