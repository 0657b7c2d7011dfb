/**
 * Writes one MCAP file: a header, chunks of messages, and at the end the indices that let a viewer seek.
 *
 * `McapWriter` of @mcap/core closes a chunk when it is big; here the caller closes it, so that no chunk ends within
 * a control step, and the indices can be those of a torn file, so that recovery only has to write the end. Every
 * call is synchronous: when it returns, the bytes are with the operating system and survive SIGKILL.
 *
 * Format: https://mcap.dev/spec
 */
import { crc32 } from 'node:zlib';
import { McapChunkBuilder, McapRecordBuilder, Opcode } from '@mcap/core';
import type {
  AttachmentIndex,
  Channel,
  ChunkIndex,
  MessageIndex,
  Metadata,
  MetadataIndex,
  Schema,
  Statistics,
} from '@mcap/core';
import type { ByteSink } from './byteSink.js';

/** What the end of the file says about the rest of it. */
export interface McapSummary {
  readonly schemas: Map<number, Schema>;
  readonly channels: Map<number, Channel>;
  readonly chunks: ChunkIndex[];
  readonly metadata: MetadataIndex[];
  readonly attachments: AttachmentIndex[];
  readonly statistics: Statistics;
  /** CRC-32 of every byte so far. */
  crc: number;
}

export function emptySummary(): McapSummary {
  return {
    schemas: new Map(),
    channels: new Map(),
    chunks: [],
    metadata: [],
    attachments: [],
    statistics: {
      messageCount: 0n,
      schemaCount: 0,
      channelCount: 0,
      attachmentCount: 0,
      metadataCount: 0,
      chunkCount: 0,
      messageStartTime: 0n,
      messageEndTime: 0n,
      channelMessageCounts: new Map(),
    },
    crc: 0,
  };
}

/** Counts messages of one channel into the statistics. */
export function countMessages(summary: McapSummary, channelId: number, times: readonly bigint[]): void {
  const statistics = summary.statistics;
  const counts = statistics.channelMessageCounts;
  for (const time of times) {
    const first = statistics.messageCount === 0n;
    if (first || time < statistics.messageStartTime) statistics.messageStartTime = time;
    if (first || time > statistics.messageEndTime) statistics.messageEndTime = time;
    statistics.messageCount += 1n;
  }
  counts.set(channelId, (counts.get(channelId) ?? 0n) + BigInt(times.length));
}

interface WholeChunk {
  readonly messageStartTime: bigint;
  readonly messageEndTime: bigint;
  readonly uncompressedSize: bigint;
  readonly uncompressedCrc: number;
  readonly records: Uint8Array;
}

/** Opcode and length of a record; the same and the fields of a chunk before its records (mcap.dev/spec, Chunk) [bytes]. */
const RECORD_HEAD_BYTES = 1 + 8;
const CHUNK_HEAD_BYTES = RECORD_HEAD_BYTES + 8 + 8 + 8 + 4 + 4 + 8;

export class McapFile {
  readonly #sink: ByteSink;
  readonly #summary: McapSummary;
  readonly #record = new McapRecordBuilder();
  readonly #chunk = new McapChunkBuilder({ useMessageIndex: true });
  /** Where chunks are put together; grows to the largest. */
  #space = Buffer.alloc(0);

  /** Continues behind `summary`, the parts already in the sink; a new file begins with an empty one. */
  constructor(sink: ByteSink, summary: McapSummary) {
    this.#sink = sink;
    this.#summary = summary;
  }

  begin(profile: string, library: string): void {
    this.#record.writeMagic();
    this.#record.writeHeader({ profile, library });
    this.#emit();
  }

  /** Adds a channel together with its schema to the open chunk. Returns the channel's id. */
  addChannel(topic: string, schema: Omit<Schema, 'id'>): number {
    const { schemas, channels, statistics } = this.#summary;
    let schemaId = [...schemas.values()].find((known) => known.name === schema.name)?.id;
    if (schemaId === undefined) {
      schemaId = schemas.size + 1;
      schemas.set(schemaId, { ...schema, id: schemaId });
      this.#chunk.addSchema({ ...schema, id: schemaId });
    }
    const channel = { id: channels.size, schemaId, topic, messageEncoding: 'cdr', metadata: new Map() };
    channels.set(channel.id, channel);
    this.#chunk.addChannel(channel);
    statistics.schemaCount = schemas.size;
    statistics.channelCount = channels.size;
    return channel.id;
  }

  /** Adds a message to the open chunk; nothing is written before `closeChunk`. Times in ns since the epoch. */
  addMessage(channelId: number, sequence: number, timeNs: bigint, data: Uint8Array): void {
    this.#chunk.addMessage({ channelId, sequence, logTime: timeNs, publishTime: timeNs, data });
  }

  /** Bytes of the open chunk. */
  get pendingBytes(): number {
    return this.#chunk.byteLength;
  }

  /** Writes the open chunk and its message indices. */
  closeChunk(): void {
    if (this.#chunk.numMessages === 0) return;
    const records = this.#chunk.buffer;
    const chunk = {
      messageStartTime: this.#chunk.messageStartTime,
      messageEndTime: this.#chunk.messageEndTime,
      uncompressedSize: BigInt(records.length),
      uncompressedCrc: crc32(records),
      records,
    };
    const offset = BigInt(this.#sink.position);
    const length = BigInt(CHUNK_HEAD_BYTES + records.length);
    const indices = [...this.#chunk.indices];
    const messageIndexOffsets = new Map<number, bigint>();
    let messageIndexLength = 0n;
    for (const index of indices) {
      messageIndexOffsets.set(index.channelId, offset + length + messageIndexLength);
      messageIndexLength += this.#record.writeMessageIndex(index);
    }
    // Emitted in one write: the chunk counts as finished only when it is there with its indices.
    this.#emitChunk(chunk, this.#record.buffer);
    this.#record.reset();
    this.#note(indices);
    this.#summary.chunks.push({
      messageStartTime: chunk.messageStartTime,
      messageEndTime: chunk.messageEndTime,
      chunkStartOffset: offset,
      chunkLength: length,
      messageIndexOffsets,
      messageIndexLength,
      compression: '',
      compressedSize: chunk.uncompressedSize,
      uncompressedSize: chunk.uncompressedSize,
    });
    this.#summary.statistics.chunkCount += 1;
    this.#chunk.reset();
  }

  /** Writes named facts at once. */
  writeMetadata(metadata: Metadata): void {
    const offset = BigInt(this.#sink.position);
    const length = this.#record.writeMetadata(metadata);
    this.#emit();
    this.#summary.metadata.push({ name: metadata.name, offset, length });
    this.#summary.statistics.metadataCount += 1;
  }

  /** Writes a whole file kept inside this one, at once. */
  writeAttachment(name: string, mediaType: string, timeNs: bigint, data: Uint8Array): void {
    const offset = BigInt(this.#sink.position);
    const attachment = { name, mediaType, logTime: timeNs, createTime: timeNs, data };
    const length = this.#record.writeAttachment(attachment);
    this.#emit();
    const { logTime, createTime } = attachment;
    const dataSize = BigInt(data.length);
    this.#summary.attachments.push({ name, mediaType, logTime, createTime, dataSize, offset, length });
    this.#summary.statistics.attachmentCount += 1;
  }

  /** Writes the last chunk, the indices and the end mark. Nothing can be added afterwards. */
  end(): void {
    this.closeChunk();
    this.#record.writeDataEnd({ dataSectionCrc: this.#summary.crc });
    this.#emit();

    const start = BigInt(this.#sink.position);
    const groups = [
      this.#group(Opcode.SCHEMA, this.#summary.schemas.values(), (x) => this.#record.writeSchema(x)),
      this.#group(Opcode.CHANNEL, this.#summary.channels.values(), (x) => this.#record.writeChannel(x)),
      this.#group(Opcode.STATISTICS, [this.#summary.statistics], (x) => this.#record.writeStatistics(x)),
      this.#group(Opcode.METADATA_INDEX, this.#summary.metadata, (x) => this.#record.writeMetadataIndex(x)),
      this.#group(Opcode.ATTACHMENT_INDEX, this.#summary.attachments, (x) =>
        this.#record.writeAttachmentIndex(x),
      ),
      this.#group(Opcode.CHUNK_INDEX, this.#summary.chunks, (x) => this.#record.writeChunkIndex(x)),
    ].filter((group) => group.groupLength > 0n);
    const offsetsStart = start + BigInt(this.#record.length);
    for (const group of groups) {
      this.#record.writeSummaryOffset({ ...group, groupStart: start + group.groupStart });
    }
    // The footer's own CRC covers the summary and the footer up to that CRC (mcap.dev/spec, Footer).
    const footer = Buffer.alloc(25);
    footer.writeUInt8(Opcode.FOOTER, 0);
    footer.writeBigUInt64LE(20n, 1);
    footer.writeBigUInt64LE(start, 9);
    footer.writeBigUInt64LE(offsetsStart, 17);
    const summaryCrc = crc32(footer, crc32(this.#record.buffer));
    this.#record.writeFooter({ summaryStart: start, summaryOffsetStart: offsetsStart, summaryCrc });
    this.#record.writeMagic();
    this.#emit();
  }

  /** Writes records of one kind to the summary; offsets are relative to its start. */
  #group<T>(groupOpcode: Opcode, records: Iterable<T>, write: (record: T) => unknown) {
    const groupStart = BigInt(this.#record.length);
    for (const record of records) write(record);
    return { groupOpcode, groupStart, groupLength: BigInt(this.#record.length) - groupStart };
  }

  #note(indices: readonly MessageIndex[]): void {
    for (const { channelId, records } of indices) {
      countMessages(
        this.#summary,
        channelId,
        records.map(([time]) => time),
      );
    }
  }

  #emit(): void {
    this.#write(this.#record.buffer);
    this.#record.reset();
  }

  /** As `McapRecordBuilder.writeChunk`, into memory that is used again: pictures make chunks of hundreds of kilobytes. */
  #emitChunk(chunk: WholeChunk, indices: Uint8Array): void {
    const { records } = chunk;
    const bytes = CHUNK_HEAD_BYTES + records.length + indices.length;
    if (this.#space.length < bytes) this.#space = Buffer.alloc(2 * bytes);
    const space = this.#space;
    let at = space.writeUInt8(Opcode.CHUNK, 0);
    at = space.writeBigUInt64LE(BigInt(CHUNK_HEAD_BYTES - RECORD_HEAD_BYTES + records.length), at);
    at = space.writeBigUInt64LE(chunk.messageStartTime, at);
    at = space.writeBigUInt64LE(chunk.messageEndTime, at);
    at = space.writeBigUInt64LE(chunk.uncompressedSize, at);
    at = space.writeUInt32LE(chunk.uncompressedCrc, at);
    at = space.writeUInt32LE(0, at); // No compression: JPEG is compressed already.
    at = space.writeBigUInt64LE(BigInt(records.length), at);
    space.set(records, at);
    space.set(indices, at + records.length);
    this.#write(space.subarray(0, bytes));
  }

  #write(bytes: Uint8Array): void {
    this.#sink.write(bytes);
    this.#summary.crc = crc32(bytes, this.#summary.crc);
  }
}
