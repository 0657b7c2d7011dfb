/**
 * When bytes of an emulated line reach the computer: time on the wire at the line's rate, then the buffer of the USB
 * adapter, which passes on what it has when 62 bytes are there or its latency timer runs out.
 * Source of the buffer: FTDI AN232B-04, packets of 64 bytes with two of status.
 */
const USB_CHUNK_BYTES = 62;

interface Delivery {
  readonly bytes: Uint8Array;
  readonly dueMs: number;
}

export interface WireTiming {
  /** Wire rate that is imitated [bit/s]; absent: bytes take no time. */
  readonly baudRate?: number;
  /** Latency timer of the adapter [ms]; 0: no adapter between. */
  readonly latencyMs?: number;
}

export class Wire {
  readonly #msPerByte: number;
  readonly #latencyMs: number;
  readonly #queue: Delivery[] = [];
  /** Until when the line is occupied [ms]. */
  #busyUntilMs = 0;
  /** What lies in the adapter, and since when. */
  #buffered: { bytes: Uint8Array; fromMs: number }[] = [];

  constructor(timing: WireTiming) {
    this.#msPerByte = timing.baudRate === undefined ? 0 : 10_000 / timing.baudRate;
    this.#latencyMs = timing.latencyMs ?? 0;
  }

  /** The computer sent so many bytes; returns when the last of them has left. */
  sent(count: number, nowMs: number): number {
    this.#busyUntilMs = Math.max(this.#busyUntilMs, nowMs) + count * this.#msPerByte;
    return this.#busyUntilMs;
  }

  /** A servo answers `delayMs` after the line fell silent. */
  answer(bytes: Uint8Array, delayMs: number): void {
    const beginsMs = this.#busyUntilMs + delayMs;
    this.#busyUntilMs = beginsMs + bytes.length * this.#msPerByte;
    if (this.#latencyMs === 0) this.#queue.push({ bytes, dueMs: this.#busyUntilMs });
    else this.#buffered.push({ bytes, fromMs: beginsMs });
  }

  /** Everything that answers one instruction is complete: what the adapter still holds goes when its timer runs out. */
  endOfAnswers(): void {
    let held: number[] = [];
    let heldSinceMs = 0;
    for (const { bytes, fromMs } of this.#buffered) {
      for (const [index, byte] of bytes.entries()) {
        const atMs = fromMs + (index + 1) * this.#msPerByte;
        if (held.length > 0 && atMs - heldSinceMs > this.#latencyMs) {
          this.#queue.push({ bytes: Uint8Array.from(held), dueMs: heldSinceMs + this.#latencyMs });
          held = [];
        }
        if (held.length === 0) heldSinceMs = atMs;
        held.push(byte);
        if (held.length === USB_CHUNK_BYTES) {
          this.#queue.push({ bytes: Uint8Array.from(held), dueMs: atMs });
          held = [];
        }
      }
    }
    if (held.length > 0)
      this.#queue.push({ bytes: Uint8Array.from(held), dueMs: heldSinceMs + this.#latencyMs });
    this.#buffered = [];
  }

  /** When the next bytes are due [ms]; Infinity: none are on their way. */
  get nextDueMs(): number {
    return this.#queue[0]?.dueMs ?? Infinity;
  }

  /** Takes the next bytes that are due. */
  take(nowMs: number): Uint8Array | undefined {
    return this.nextDueMs <= nowMs ? this.#queue.shift()?.bytes : undefined;
  }

  /** Forgets what is on its way. */
  clear(): void {
    this.#queue.length = 0;
    this.#buffered = [];
  }
}
