/**
 * CDR bytes of sensor_msgs/CompressedImage, as `COMPRESSED_IMAGE.encode` makes them, into memory that is used again: four
 * cameras are 15 MB a second, and memory that is made for each picture costs more than to write it.
 */
import type { CompressedImage } from './rosMessages.js';

/** Little-endian CDR; source: OMG DDSI-RTPS 10. */
const HEADER = 0x00_01_00_00;
const HEADER_BYTES = 4;
const aligned = (offset: number): number => HEADER_BYTES + Math.ceil((offset - HEADER_BYTES) / 4) * 4;

export class ImageEncoder {
  #space = Buffer.alloc(0);

  /** Borrowed until the next call. */
  encode({ header: { stamp, frame_id: frameId }, format, data }: CompressedImage): Uint8Array {
    const most = data.length + frameId.length * 3 + format.length * 3 + 64;
    if (this.#space.length < most) this.#space = Buffer.alloc(2 * most);
    let at = this.#space.writeUInt32BE(HEADER, 0);
    at = this.#space.writeInt32LE(stamp.sec, at);
    at = this.#space.writeUInt32LE(stamp.nanosec, at);
    at = this.#string(this.#string(at, frameId), format);
    at = this.#space.writeUInt32LE(data.length, at);
    this.#space.set(data, at);
    return this.#space.subarray(0, at + data.length);
  }

  /** Length with the final zero, bytes, zero; returns where the next number stands. */
  #string(at: number, text: string): number {
    const length = this.#space.write(text, at + 4);
    this.#space.writeUInt32LE(length + 1, at);
    const end = at + 4 + length;
    const next = aligned(end + 1);
    this.#space.fill(0, end, next);
    return next;
  }
}
