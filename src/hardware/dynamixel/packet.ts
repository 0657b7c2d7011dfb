/**
 * Packets of DYNAMIXEL Protocol 2.0: FF FF FD 00, ID, length (2), instruction, parameters, CRC-16 (2); little-endian.
 * Source: emanual.robotis.com/docs/en/dxl/protocol2.
 */
import { crc16 } from './crc.js';

export const INSTRUCTION = {
  ping: 0x01,
  read: 0x02,
  write: 0x03,
  regWrite: 0x04,
  action: 0x05,
  factoryReset: 0x06,
  reboot: 0x08,
  clear: 0x10,
  status: 0x55,
  syncRead: 0x82,
  syncWrite: 0x83,
  fastSyncRead: 0x8a,
  bulkRead: 0x92,
  bulkWrite: 0x93,
  fastBulkRead: 0x9a,
} as const;

/** All servos of a bus. */
export const BROADCAST_ID = 0xfe;

/** Highest ID that a servo can have. */
export const MAX_ID = 252;

/** Header, reserved byte, ID and length [bytes]. */
export const PREAMBLE_BYTES = 7;

/** Longest packet that is sent or accepted [bytes]. A 1 KiB packet takes 10 ms at 1 Mbps: nothing here comes near. */
export const MAX_PACKET_BYTES = 1024;

/** Error numbers of a status packet, apart from its alert bit. */
export const STATUS_ERROR = {
  none: 0,
  resultFail: 1,
  instruction: 2,
  crc: 3,
  dataRange: 4,
  dataLength: 5,
  dataLimit: 6,
  access: 7,
} as const;

/** Set in a status packet's error byte while the servo's Hardware Error Status is not 0. The data are valid all the same. */
export const ALERT_BIT = 0x80;

const MEANING: readonly string[] = [
  'no error',
  'the servo failed to process the instruction',
  'the servo does not know this instruction',
  'the servo received a damaged packet',
  'the value is outside of what the register can hold',
  'the data are shorter than the register',
  'the value is outside of the limits set in the servo',
  'the register is read-only, unknown, or locked while torque is on',
];

/** What an error number of a status packet means, in words. */
export const meaningOfStatus = (error: number): string => MEANING[error & ~ALERT_BIT] ?? `error ${error}`;

/** Builds one packet after another in a buffer of its own. Safe in the loop: it does not allocate. */
export class PacketWriter {
  /** The packet, from 0 to `length`, after `end`. Overwritten by the next `begin`. */
  readonly bytes = new Uint8Array(MAX_PACKET_BYTES);
  length = 0;
  /** How many bytes of FF FF FD the last bytes written are: a fourth FD must be stuffed behind it. */
  #matched = 0;

  begin(id: number, instruction: number): this {
    this.bytes.set(HEADER);
    this.bytes[4] = id;
    this.length = PREAMBLE_BYTES;
    this.#matched = 0;
    return this.u8(instruction);
  }

  u8(value: number): this {
    const byte = value & 0xff;
    if (this.length + 4 > MAX_PACKET_BYTES) {
      throw new RangeError(`a packet of more than ${MAX_PACKET_BYTES} bytes`);
    }
    this.bytes[this.length++] = byte;
    if (byte === 0xff) this.#matched = Math.min(this.#matched + 1, 2);
    else if (byte === 0xfd && this.#matched === 2) {
      this.bytes[this.length++] = 0xfd;
      this.#matched = 0;
    } else this.#matched = 0;
    return this;
  }

  u16(value: number): this {
    return this.u8(value).u8(value >> 8);
  }

  /** Signed or unsigned: the lowest 32 bits. */
  u32(value: number): this {
    return this.u16(value).u16(value >> 16);
  }

  raw(data: Uint8Array, start = 0, end = data.length): this {
    for (let index = start; index < end; index++) this.u8(data[index]!);
    return this;
  }

  /** Fills in length and CRC; returns the length of the packet [bytes]. */
  end(): number {
    const { bytes } = this;
    const rest = this.length + 2 - PREAMBLE_BYTES;
    bytes[5] = rest & 0xff;
    bytes[6] = rest >> 8;
    const crc = crc16(bytes, 0, this.length);
    bytes[this.length++] = crc & 0xff;
    bytes[this.length++] = crc >> 8;
    return this.length;
  }
}

const HEADER = [0xff, 0xff, 0xfd, 0x00];
