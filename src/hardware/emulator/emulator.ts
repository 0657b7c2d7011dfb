/** Emulated servo buses, in a thread of their own: opened, made to fail, closed. */
import { Worker } from 'node:worker_threads';
import { AlohadError } from '../../contract/errors.js';
import type { EmulatedBus, EmulatorMessage, EmulatorSetup } from './emulatorWorker.js';
import type { FaultCommand } from './faults.js';

export type { EmulatedBus } from './emulatorWorker.js';

/** The emulator does not start or has died. */
export class EmulatorError extends AlohadError {}

export class Emulator {
  readonly buses: readonly EmulatedBus[];
  readonly #worker: Worker;
  readonly #ended: Promise<void>;

  /** Opens one pseudo-terminal per bus. Throws EmulatorError. */
  static async start(buses: readonly EmulatedBus[]): Promise<Emulator> {
    const setup: EmulatorSetup = { buses };
    const worker = new Worker(new URL('./emulatorWorker.js', import.meta.url), { workerData: setup });
    await new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve());
      worker.once('error', (cause) => {
        reject(new EmulatorError(`the emulator does not start: ${String(cause)}`, { cause }));
      });
    });
    return new Emulator(buses, worker);
  }

  private constructor(buses: readonly EmulatedBus[], worker: Worker) {
    this.buses = buses;
    this.#worker = worker;
    this.#ended = new Promise((resolve) => {
      worker.once('exit', () => resolve());
    });
    worker.unref();
  }

  /** Makes something go wrong on a bus, or right again. Throws EmulatorError when there is no such bus. */
  apply(bus: string, command: FaultCommand): void {
    if (!this.buses.some(({ name }) => name === bus)) {
      const names = this.buses.map(({ name }) => name).join(', ');
      throw new EmulatorError(`there is no emulated bus "${bus}"; there are ${names}`);
    }
    this.#tell({ bus, command });
  }

  /** Unplugs everything. Safe to call twice. */
  async close(): Promise<void> {
    this.#tell({ stop: true });
    this.#worker.ref();
    await this.#ended;
  }

  #tell(message: EmulatorMessage): void {
    this.#worker.postMessage(message);
  }
}
