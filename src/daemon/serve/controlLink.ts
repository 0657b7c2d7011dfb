/** The main thread's end of the control thread: orders go out, answers and news come in. */
import { Worker } from 'node:worker_threads';
import type { Move } from '../../contract/api.js';
import { AlohadError } from '../../contract/errors.js';
import { RemoteError } from '../remoteError.js';
import type { LiveMemory } from './liveMemory.js';
import type { EpisodeEnd, FromControl, Order, ToControl } from './orders.js';
import type { RunningChild } from './supervised.js';

export type ControlNews = Extract<
  FromControl,
  { kind: 'arms' | 'stopped' | 'connected' | 'statistics' | 'instruction' | 'warning' }
>;

/** The control thread died during an order. Servos keep the torque and the goal that they had. */
export class ControlLostError extends AlohadError {}

interface Waiting {
  readonly resolve: (result: EpisodeEnd | undefined) => void;
  readonly reject: (error: Error) => void;
}

export class ControlLink implements RunningChild {
  readonly ended: Promise<string | undefined>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #closing = false;

  /** Resolves once the thread is ready for orders. */
  static async start(memory: LiveMemory, onNews: (news: ControlNews) => void): Promise<ControlLink> {
    const worker = new Worker(new URL('./serveWorker.js', import.meta.url), { workerData: memory });
    return await new Promise<ControlLink>((resolve, reject) => {
      worker.once('error', reject);
      worker.once('message', (message: FromControl) => {
        if (message.kind === 'ready' && message.fifo !== undefined)
          onNews({ kind: 'warning', text: message.fifo });
        worker.off('error', reject);
        resolve(new ControlLink(worker, onNews));
      });
    });
  }

  private constructor(worker: Worker, onNews: (news: ControlNews) => void) {
    this.#worker = worker;
    let reason = '';
    worker.on('error', (error) => {
      reason = String(error);
    });
    worker.on('message', (message: FromControl) => {
      this.#take(message, onNews);
    });
    this.ended = new Promise((resolve) => {
      worker.on('exit', (code) => {
        const why = reason === '' ? `the control thread exited (${code})` : reason;
        const lost = new ControlLostError(
          `the control loop died (${why}): servos keep their last goal; choose mode idle to connect them again`,
        );
        for (const { reject } of this.#waiting.values()) reject(lost);
        this.#waiting.clear();
        resolve(this.#closing ? undefined : why);
      });
    });
  }

  /** Throws what the control thread refuses with, under its own name. */
  async order(order: Order): Promise<EpisodeEnd | undefined> {
    const id = this.#next++;
    return await new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ kind: 'order', id, order } satisfies ToControl);
    });
  }

  /** Joint goals for a remote order in progress. Returns at once. */
  move(moves: readonly Move[]): void {
    this.#worker.postMessage({ kind: 'move', moves } satisfies ToControl);
  }

  /** How fast joints may go from the next tick on. Returns at once. */
  limit(velocityRadPerS: number): void {
    this.#worker.postMessage({ kind: 'limit', velocityRadPerS } satisfies ToControl);
  }

  /** The robot must be disconnected before. */
  end(): void {
    this.#closing = true;
    void this.#worker.terminate();
  }

  #take(message: FromControl, onNews: (news: ControlNews) => void): void {
    switch (message.kind) {
      case 'done':
        this.#waiting.get(message.id)?.resolve(message.result);
        this.#waiting.delete(message.id);
        return;
      case 'failed':
        this.#waiting
          .get(message.id)
          ?.reject(
            message.stack === undefined
              ? new RemoteError(message.name, message.message, message.exitCode)
              : new Error(message.stack),
          );
        this.#waiting.delete(message.id);
        return;
      case 'ready':
        return;
      case 'arms':
      case 'stopped':
      case 'connected':
      case 'statistics':
      case 'instruction':
      case 'warning':
        onNews(message);
        return;
      default:
        message satisfies never;
    }
  }
}
