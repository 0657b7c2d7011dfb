/**
 * Reads members of a ZIP archive whose members are stored without compression, as PyTorch writes them.
 * Source of the layout: PKWARE APPNOTE 6.3.9, sections 4.3.7 (local header), 4.3.12 (central directory),
 * 4.3.14 to 4.3.16 (ends of it), 4.5.3 (ZIP64 sizes).
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { CheckpointError } from '../../contract/errors.js';
import { meaningOf } from '../../contract/systemError.js';

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_ENTRY = 0x02014b50;
const END = 0x06054b50;
const END_ZIP64 = 0x06064b50;
const END_ZIP64_LOCATOR = 0x07064b50;
const END_BYTES = 22;
const LOCATOR_BYTES = 20;
const LONGEST_COMMENT = 0xffff;

interface Member {
  readonly name: string;
  readonly compression: number;
  readonly crc: number;
  readonly size: number;
  readonly headerOffset: number;
}

export class ZipArchive {
  readonly #path: string;
  readonly #file: number;
  readonly #members: ReadonlyMap<string, Member>;

  /** Throws CheckpointError when the file is not a whole ZIP archive. */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = openSync(path, 'r');
    } catch (cause) {
      throw new CheckpointError(`${path} cannot be opened: ${meaningOf(cause)}`, { cause });
    }
    try {
      this.#members = this.#readDirectory();
    } catch (error) {
      closeSync(this.#file);
      throw error;
    }
  }

  get names(): string[] {
    return [...this.#members.keys()];
  }

  /** A fresh copy of a member's bytes, checked against its checksum. */
  read(name: string): Uint8Array {
    const member = this.#members.get(name);
    if (!member) throw this.#broken(`has no member ${name}`);
    if (member.compression !== 0) throw this.#broken(`has ${name} compressed, which PyTorch never does`);
    const header = this.#bytes(member.headerOffset, 30);
    if (header.readUInt32LE(0) !== LOCAL_HEADER)
      throw this.#broken(`has no header at ${member.headerOffset} for ${name}`);
    const start = member.headerOffset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
    const bytes = this.#bytes(start, member.size);
    if (crc32(bytes) !== member.crc) throw this.#broken(`has damaged bytes in ${name} (checksum differs)`);
    return bytes;
  }

  close(): void {
    closeSync(this.#file);
  }

  #readDirectory(): Map<string, Member> {
    const { offset, length, count } = this.#findDirectory();
    const directory = this.#bytes(offset, length);
    const members = new Map<string, Member>();
    let at = 0;
    for (let i = 0; i < count; i++) {
      if (at + 46 > length || directory.readUInt32LE(at) !== CENTRAL_ENTRY)
        throw this.#broken(`has a torn directory at entry ${i}`);
      const nameEnd = at + 46 + directory.readUInt16LE(at + 28);
      const extraEnd = nameEnd + directory.readUInt16LE(at + 30);
      const wide = zip64Numbers(directory.subarray(nameEnd, extraEnd));
      // The ZIP64 extra field holds, in this order, just those numbers that read 0xffffffff here.
      const number = (field: number): number => {
        const value = directory.readUInt32LE(at + field);
        return value === 0xffffffff ? (wide.shift() ?? value) : value;
      };
      const size = number(24);
      number(20);
      const name = directory.toString('utf8', at + 46, nameEnd);
      members.set(name, {
        name,
        compression: directory.readUInt16LE(at + 10),
        crc: directory.readUInt32LE(at + 16),
        size,
        headerOffset: number(42),
      });
      at = extraEnd + directory.readUInt16LE(at + 32);
    }
    return members;
  }

  #findDirectory(): { offset: number; length: number; count: number } {
    const fileLength = fstatSync(this.#file).size;
    const tailStart = Math.max(0, fileLength - END_BYTES - LOCATOR_BYTES - LONGEST_COMMENT);
    const tail = this.#bytes(tailStart, fileLength - tailStart);
    const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
    if (end < 0 || end + END_BYTES > tail.length || tail.readUInt32LE(end) !== END) {
      throw new CheckpointError(
        `${this.#path} is not a whole ZIP archive (${fileLength} bytes, no end record): it was cut short, or saved by ` +
          `PyTorch < 1.6. Copy it again, or load and torch.save it with a newer PyTorch`,
      );
    }
    const locator = end - LOCATOR_BYTES;
    if (locator >= 0 && tail.readUInt32LE(locator) === END_ZIP64_LOCATOR) {
      const wide = this.#bytes(Number(tail.readBigUInt64LE(locator + 8)), 56);
      if (wide.readUInt32LE(0) !== END_ZIP64) throw this.#broken('has no ZIP64 end record where it says');
      return {
        count: Number(wide.readBigUInt64LE(32)),
        length: Number(wide.readBigUInt64LE(40)),
        offset: Number(wide.readBigUInt64LE(48)),
      };
    }
    return {
      count: tail.readUInt16LE(end + 10),
      length: tail.readUInt32LE(end + 12),
      offset: tail.readUInt32LE(end + 16),
    };
  }

  #bytes(offset: number, count: number): Buffer {
    const length = fstatSync(this.#file).size;
    if (offset + count > length) throw this.#broken(`ends at byte ${length}, before ${offset + count}`);
    const bytes = Buffer.alloc(count);
    for (let read = 0; read < count;) {
      const got = readSync(this.#file, bytes, read, count - read, offset + read);
      if (got === 0) throw this.#broken(`ends at byte ${offset + read}`);
      read += got;
    }
    return bytes;
  }

  #broken(what: string): CheckpointError {
    return new CheckpointError(`${this.#path} ${what}: the file is damaged, copy it again`);
  }
}

/** The 64-bit numbers of the ZIP64 extra field (id 1), if there is one. */
function zip64Numbers(extra: Buffer): number[] {
  for (let at = 0; at + 4 <= extra.length;) {
    const size = extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === 1) {
      const numbers: number[] = [];
      for (let i = at + 4; i + 8 <= Math.min(at + 4 + size, extra.length); i += 8) {
        numbers.push(Number(extra.readBigUInt64LE(i)));
      }
      return numbers;
    }
    at += 4 + size;
  }
  return [];
}
