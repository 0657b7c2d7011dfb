/** Emulated servo buses, in a thread of their own: opened, made to fail, closed. */
import { Worker } from 'node:worker_threads';
import { AlohadError } from '../../contract/errors.js';
import type { EmulatedBus, EmulatorMessage, EmulatorSetup } from './emulatorWorker.js';
import type { FaultCommand } from './faults.js';

export type { EmulatedBus, EmulatedOperator } from './emulatorWorker.js';

/** Longest wait for the thread when the process ends [ms]. */
const EXIT_MS = 500;

/** The emulator does not start or has died. */
export class EmulatorError extends AlohadError {}

export class Emulator {
  readonly buses: readonly EmulatedBus[];
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #failure: EmulatorError | undefined;
  /** Why the thread died, if it does before it is closed. */
  readonly died: Promise<EmulatorError>;
  readonly #end: Int32Array;
  /** For a process that ends without closing: the thread must not be cut off inside a system call. */
  readonly #stop = (): void => {
    Atomics.store(this.#end, 0, 1);
    Atomics.wait(this.#end, 1, 0, EXIT_MS);
  };

  /** Opens one pseudo-terminal per bus; a plant and a person move the joints of some of them. Throws EmulatorError. */
  static async start(
    buses: readonly EmulatedBus[],
    movers: Pick<EmulatorSetup, 'plant' | 'operator'> = {},
  ): Promise<Emulator> {
    const end = new SharedArrayBuffer(8);
    const setup: EmulatorSetup = { buses, end, ...movers };
    const worker = new Worker(new URL('./emulatorWorker.js', import.meta.url), { workerData: setup });
    await new Promise<void>((resolve, reject) => {
      const refuse = (cause: unknown): void =>
        reject(new EmulatorError(`the emulator does not start: ${String(cause)}`, { cause }));
      worker.once('error', refuse);
      worker.once('message', () => {
        worker.off('error', refuse);
        resolve();
      });
    });
    return new Emulator(buses, worker, new Int32Array(end));
  }

  private constructor(buses: readonly EmulatedBus[], worker: Worker, end: Int32Array) {
    this.#end = end;
    this.buses = buses;
    this.#worker = worker;
    process.on('exit', this.#stop);
    this.#ended = new Promise((resolve) => {
      worker.once('exit', () => {
        process.off('exit', this.#stop);
        resolve();
      });
    });
    this.died = new Promise((resolve) => {
      worker.once('error', (cause) => {
        this.#failure = new EmulatorError(`the emulator died: ${String(cause)}`, { cause });
        resolve(this.#failure);
      });
    });
    worker.unref();
  }

  /** Makes something go wrong on a bus, or right again. Throws EmulatorError when there is no such bus. */
  apply(bus: string, command: FaultCommand): void {
    if (!this.buses.some(({ name }) => name === bus)) {
      const names = this.buses.map(({ name }) => name).join(', ');
      throw new EmulatorError(`there is no emulated bus "${bus}"; there are ${names}`);
    }
    const message: EmulatorMessage = { bus, command };
    this.#worker.postMessage(message);
  }

  /** Tells the plant something; see its module. */
  tellPlant(order: unknown): void {
    const message: EmulatorMessage = { order };
    this.#worker.postMessage(message);
  }

  /** Unplugs everything. Safe to call twice. Throws EmulatorError when the thread had died. */
  async close(): Promise<void> {
    Atomics.store(this.#end, 0, 1);
    this.#worker.ref();
    await this.#ended;
    if (this.#failure) throw this.#failure;
  }
}
