/** Thumbnails of recorded episodes, made and kept by a thread of low priority that comes with the first question. */
import { Worker } from 'node:worker_threads';
import { AlohadError } from '../../contract/errors.js';
import type { FromThumbnails, ToThumbnails } from './thumbnailWorker.js';

/** What is asked for by name never leaves the folder. */
const NAME = /^[\w-]{1,200}$/;
/** Questions that may wait; a page asks for those in sight. */
const MOST_WAITING = 200;
/** The thread goes when nobody asked for so long [ms]: it holds a world per task. */
const IDLE_MS = 20_000;

interface Waiting {
  readonly resolve: (jpeg: Uint8Array<ArrayBuffer> | undefined) => void;
  readonly reject: (error: Error) => void;
}

export class Thumbnails {
  readonly #folder: string;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #next = 1;
  #idle: NodeJS.Timeout | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** JPEG of the episode `name`; undefined when there is none, or nothing in it to see. */
  async of(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (!NAME.test(name)) return undefined;
    if (this.#waiting.size >= MOST_WAITING)
      throw new AlohadError('too many thumbnails are asked for at once; ask again later');
    clearTimeout(this.#idle);
    const worker = (this.#worker ??= this.#start());
    const id = this.#next++;
    return await new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ id, folder: this.#folder, name } satisfies ToThumbnails);
    });
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL('./thumbnailWorker.js', import.meta.url));
    let reason = 'its thread ended';
    worker.on('message', ({ id, jpeg }: FromThumbnails) => {
      this.#waiting.get(id)?.resolve(jpeg);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#idle = setTimeout(() => void worker.terminate(), IDLE_MS).unref();
    });
    worker.on('error', (error) => {
      reason = String(error);
    });
    worker.on('exit', () => {
      this.#worker = undefined;
      for (const { reject } of this.#waiting.values())
        reject(new AlohadError(`no thumbnail: ${reason}; ask again`));
      this.#waiting.clear();
    });
    return worker;
  }
}
