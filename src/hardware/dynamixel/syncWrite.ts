/** The same register of several servos written at once; no servo answers. Prepared once, sent without allocating. */
import type { ServoBus } from './bus.js';
import { BROADCAST_ID, INSTRUCTION } from './packet.js';

export class SyncWrite {
  readonly ids: readonly number[];
  /** What each servo is told next. Shape (ids,). */
  readonly values: Int32Array;
  readonly #bus: ServoBus;
  readonly #address: number;
  readonly #size: 1 | 2 | 4;

  constructor(bus: ServoBus, address: number, size: 1 | 2 | 4, ids: readonly number[]) {
    this.#bus = bus;
    this.#address = address;
    this.#size = size;
    this.ids = ids;
    this.values = new Int32Array(ids.length);
  }

  /** Bytes on the wire, without stuffing. */
  get wireBytes(): number {
    return 14 + this.ids.length * (1 + this.#size);
  }

  /** Safe in the loop. Throws PortError. */
  send(): void {
    const { writer } = this.#bus;
    writer.begin(BROADCAST_ID, INSTRUCTION.syncWrite).u16(this.#address).u16(this.#size);
    for (let n = 0; n < this.ids.length; n++) {
      writer.u8(this.ids[n]!);
      const value = this.values[n]!;
      if (this.#size === 1) writer.u8(value);
      else if (this.#size === 2) writer.u16(value);
      else writer.u32(value);
    }
    writer.end();
    this.#bus.send();
  }
}
