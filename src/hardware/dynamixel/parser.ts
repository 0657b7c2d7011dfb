/**
 * Finds packets in a stream of bytes, wherever it is cut, whatever lies between them.
 *
 * A packet whose CRC is wrong is dropped and the search goes on behind its first byte, so that a good packet that a
 * damaged length had swallowed is still found.
 */
import { crc16 } from './crc.js';
import { ALERT_BIT, BROADCAST_ID, INSTRUCTION, MAX_PACKET_BYTES, PREAMBLE_BYTES } from './packet.js';

/** Shortest packet: an instruction without parameters [bytes]. */
const MIN_PACKET_BYTES = PREAMBLE_BYTES + 3;

export class PacketParser {
  /** Parameters of the last packet, without stuffing; of a status packet, what follows its error byte. Overwritten by `next`. */
  readonly parameters = new Uint8Array(MAX_PACKET_BYTES);
  readonly view = new DataView(this.parameters.buffer);
  parameterCount = 0;
  id = 0;
  instruction = 0;
  /** Error number of a status packet, without the alert bit. */
  error = 0;
  /** Whether the servo reports a hardware error. */
  alert = false;
  /** Packets dropped for a wrong CRC, and bytes that belonged to no packet, since the start. */
  crcErrors = 0;
  /** The ID in the last damaged packet. */
  damagedId = 0;
  strayBytes = 0;
  readonly #bytes = new Uint8Array(4 * MAX_PACKET_BYTES);
  #start = 0;
  #end = 0;

  /** Takes received bytes. When more come than fit, the oldest are lost (and counted as stray). */
  push(bytes: Uint8Array, start = 0, end = bytes.length): void {
    let from = start;
    const capacity = this.#bytes.length;
    if (end - from > capacity) {
      this.strayBytes += end - from - capacity;
      from = end - capacity;
    }
    if (this.#end + end - from > capacity) {
      const excess = Math.max(0, this.#end - this.#start + end - from - capacity);
      this.strayBytes += excess;
      this.#bytes.copyWithin(0, this.#start + excess, this.#end);
      this.#end -= this.#start + excess;
      this.#start = 0;
    }
    for (let index = from; index < end; index++) this.#bytes[this.#end++] = bytes[index]!;
  }

  /** Forgets what was received and not yet read: the rest of an answer that came too late. */
  discard(): void {
    this.strayBytes += this.#end - this.#start;
    this.#start = 0;
    this.#end = 0;
  }

  /** Reads the next whole packet into the fields; false when more bytes are needed. */
  next(): boolean {
    const bytes = this.#bytes;
    for (;;) {
      this.#skipToHeader();
      const start = this.#start;
      if (this.#end - start < PREAMBLE_BYTES) return false;
      const size = PREAMBLE_BYTES + (bytes[start + 5]! | (bytes[start + 6]! << 8));
      if (size < MIN_PACKET_BYTES || size > MAX_PACKET_BYTES) {
        this.#skip(1);
        continue;
      }
      if (this.#end - start < size) return false;
      const crcAt = start + size - 2;
      if (crc16(bytes, start, crcAt) !== (bytes[crcAt]! | (bytes[crcAt + 1]! << 8))) {
        this.crcErrors++;
        this.damagedId = bytes[start + 4]!;
        this.#skip(1);
        continue;
      }
      this.#take(start, crcAt);
      this.#start += size;
      return true;
    }
  }

  #skipToHeader(): void {
    const bytes = this.#bytes;
    while (this.#start < this.#end) {
      const at = this.#start;
      const known = this.#end - at;
      if (
        bytes[at] === 0xff &&
        (known < 2 || bytes[at + 1] === 0xff) &&
        (known < 3 || bytes[at + 2] === 0xfd) &&
        (known < 4 || bytes[at + 3] === 0x00)
      )
        return;
      this.#skip(1);
    }
    this.#start = 0;
    this.#end = 0;
  }

  #skip(count: number): void {
    this.#start += count;
    this.strayBytes += count;
  }

  /** Splits bytes[start..crcAt) into the fields. */
  #take(start: number, crcAt: number): void {
    const bytes = this.#bytes;
    this.id = bytes[start + 4]!;
    this.instruction = bytes[start + 7]!;
    const isStatus = this.instruction === INSTRUCTION.status;
    // The answer to a fast read, which many servos write together, is the one packet that is never stuffed.
    const stuffed = !(isStatus && this.id === BROADCAST_ID);
    let count = 0;
    for (let index = start + 8; index < crcAt; index++) {
      this.parameters[count++] = bytes[index]!;
      if (
        stuffed &&
        bytes[index] === 0xfd &&
        bytes[index - 1] === 0xff &&
        bytes[index - 2] === 0xff &&
        index + 1 < crcAt &&
        bytes[index + 1] === 0xfd
      )
        index++;
    }
    if (isStatus && count > 0) {
      this.error = this.parameters[0]! & ~ALERT_BIT;
      this.alert = (this.parameters[0]! & ALERT_BIT) !== 0;
      this.parameters.copyWithin(0, 1, count);
      this.parameterCount = count - 1;
    } else {
      this.error = 0;
      this.alert = false;
      this.parameterCount = count;
    }
  }
}
