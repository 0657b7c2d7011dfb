/** How well each servo of a bus is heard. Counters only grow; copying them is the reader's business. */
import { BROADCAST_ID, MAX_ID } from './packet.js';

export interface ServoLink {
  /** Times the servo was asked for an answer. */
  readonly asked: number;
  readonly answered: number;
  /** Answers that did not come before the deadline. */
  readonly timeouts: number;
  /** Questions that were a second attempt. */
  readonly retries: number;
  /** Answers that said the instruction failed. */
  readonly refusals: number;
  /** Damaged answers that carried its ID, or that it wrote together with others. */
  readonly crcErrors: number;
}

export class LinkStatistics {
  /** Damaged packets on the bus. */
  crcErrors = 0;
  readonly #asked = new Uint32Array(MAX_ID + 1);
  readonly #answered = new Uint32Array(MAX_ID + 1);
  readonly #retries = new Uint32Array(MAX_ID + 1);
  readonly #refusals = new Uint32Array(MAX_ID + 1);
  /** By the ID that the packet carried, which may be damaged itself. */
  readonly #damaged = new Uint32Array(256);

  // Each safe in the loop.
  ask(id: number, isRetry = false): void {
    this.#asked[id]!++;
    if (isRetry) this.#retries[id]!++;
  }
  answer(id: number): void {
    this.#answered[id]!++;
  }
  refuse(id: number): void {
    this.#refusals[id]!++;
  }

  damage(id: number, count: number): void {
    this.crcErrors += count;
    this.#damaged[id]! += count;
  }

  of(id: number): ServoLink {
    const asked = this.#asked[id] ?? 0;
    const answered = this.#answered[id] ?? 0;
    return {
      asked,
      answered,
      timeouts: asked - answered,
      retries: this.#retries[id] ?? 0,
      refusals: this.#refusals[id] ?? 0,
      crcErrors: this.#damaged[id]! + this.#damaged[BROADCAST_ID]!,
    };
  }
}
