/**
 * A serial device, real (FTDI, U2D2) or a pseudo-terminal. `serialport` opens, locks and configures it; the bytes then
 * go by blocking calls with a deadline, as a bus has a thread of its own: no event loop lies between a servo's answer
 * and the program.
 */
import { SerialPort as Serial } from 'serialport';
import { meaningOf } from '../contract/systemError.js';
import { Poller, readNow, writeNow } from './linux.js';
import { PortError, type Port } from './port.js';

/** Time that a line may refuse bytes before it counts as gone [ms]. */
const WRITE_TIMEOUT_MS = 100;

export class SerialPort implements Port {
  readonly path: string;
  readonly baudRate: number;
  readonly #fd: number;
  readonly #release: () => Promise<void>;
  readonly #readable: Poller;
  readonly #writable: Poller;
  #closed = false;
  #released = Promise.resolve();

  /** Throws PortError when there is no such device, no permission, or someone else has it. */
  static async open(path: string, baudRate: number): Promise<SerialPort> {
    try {
      const device = await Serial.binding.open({ path, baudRate });
      const fd = 'fd' in device ? device.fd : null;
      if (fd === null) throw new Error('it has no file descriptor');
      return new SerialPort(path, baudRate, fd, () => device.close());
    } catch (error) {
      throw new PortError(`cannot open servo bus ${path}: ${reasonOf(error)}`, { cause: error });
    }
  }

  private constructor(path: string, baudRate: number, fd: number, release: () => Promise<void>) {
    this.path = path;
    this.baudRate = baudRate;
    this.#fd = fd;
    this.#release = release;
    this.#readable = new Poller([fd], 'in');
    this.#writable = new Poller([fd], 'out');
  }

  nowMs(): number {
    return performance.now();
  }

  write(bytes: Uint8Array, length: number): void {
    let rest = bytes.length === length ? bytes : bytes.subarray(0, length);
    while (rest.length > 0) {
      const taken = this.#closed ? -1 : writeNow(this.#fd, rest, rest.length);
      if (taken === rest.length) return;
      if (taken > 0) rest = rest.subarray(taken);
      else if (this.#closed || this.#writable.wait(WRITE_TIMEOUT_MS) !== 'ready') this.#lost();
    }
  }

  read(into: Uint8Array, timeoutMs: number): number {
    if (this.#closed) this.#lost();
    const state = this.#readable.wait(timeoutMs);
    if (state === 'timeout') return 0;
    const count = state === 'ready' ? readNow(this.#fd, into, into.length) : 0;
    if (count <= 0) this.#lost();
    return count;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // Closing a descriptor is synchronous inside; a device that is gone cannot be closed any better.
    this.#released = this.#release().catch(() => {});
  }

  /** After `close`: resolves once the binding is done. It aborts the process when its thread ends before. */
  async released(): Promise<void> {
    await this.#released;
  }

  #lost(): never {
    throw new PortError(
      `servo bus ${this.path} is gone: unplugged, switched off or closed. Check the cable and the power of the arm.`,
    );
  }
}

function reasonOf(error: unknown): string {
  const text = meaningOf(error);
  if (/cannot lock|temporarily unavailable/i.test(text)) {
    return 'another program uses it (alohad, ROS, DYNAMIXEL Wizard?); stop that one first';
  }
  if (/permission denied/i.test(text)) {
    return 'permission denied; add yourself to the group of serial devices (sudo usermod -aG dialout $USER) and log in again';
  }
  if (/no such file/i.test(text))
    return 'there is no such device; is the arm plugged in, does the udev rule exist?';
  return text;
}
