/** A line to servos as the bus sees it: bytes out, bytes in before a deadline. */
import { AlohadError } from '../contract/errors.js';

/** The line is gone: unplugged, closed, taken by another program. */
export class PortError extends AlohadError {}

export interface Port {
  readonly path: string;
  /** Rate of the wire [bit/s], for deadlines. */
  readonly baudRate: number;
  /** The monotonic clock that deadlines are read on [ms]. Safe in the loop. */
  nowMs(): number;
  /** Sends the first `length` bytes. Throws PortError. */
  write(bytes: Uint8Array, length: number): void;
  /** Waits for bytes at most `timeoutMs`; returns how many were put into `into`, 0 when none came. Throws PortError. */
  read(into: Uint8Array, timeoutMs: number): number;
  close(): void;
}
