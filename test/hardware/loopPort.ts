import type { Port } from '#alohad/hardware/port.js';
import { EmulatedLine, type LineSettings } from '#alohad/hardware/emulator/line.js';

/** A port with an emulated line right behind it, on a clock of its own that passes only by waiting. */
export class LoopPort implements Port {
  readonly path = 'loop';
  readonly baudRate: number;
  readonly line: EmulatedLine;
  #nowMs = 1000;
  #rest: Uint8Array = new Uint8Array();

  constructor(settings: LineSettings, baudRate = 1_000_000) {
    this.baudRate = baudRate;
    this.line = new EmulatedLine(settings);
    this.line.advance(this.#nowMs);
  }

  nowMs(): number {
    return this.#nowMs;
  }

  /** Lets the servos live on for a while. */
  pass(ms: number): void {
    const untilMs = this.#nowMs + ms;
    while (this.#nowMs < untilMs) {
      this.#nowMs = Math.min(this.#nowMs + 500, untilMs);
      this.line.advance(this.#nowMs);
    }
  }

  write(bytes: Uint8Array, length: number): void {
    this.line.receive(bytes, length, this.#nowMs);
  }

  read(into: Uint8Array, timeoutMs: number): number {
    if (this.#rest.length === 0) {
      const untilMs = this.#nowMs + Math.max(0, timeoutMs);
      const dueMs = this.line.wire.nextDueMs;
      this.#nowMs = Math.max(this.#nowMs, Math.min(dueMs, untilMs));
      const bytes = this.line.wire.take(this.#nowMs);
      if (!bytes) return 0;
      this.#rest = bytes;
    }
    const count = Math.min(into.length, this.#rest.length);
    into.set(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  close(): void {}
}
