/** Waits while the disk is full: an unattended run pauses, says so, and goes on by itself once there is space. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DiskFullError, Interrupted } from '../../contract/errors.js';

/** Waits between tries, doubling from the first to the longest [ms]. */
export interface Waits {
  readonly first: number;
  readonly longest: number;
}

const WAITS: Waits = { first: 1000, longest: 60_000 };

export class DiskPatience {
  readonly #signal: AbortSignal | undefined;
  readonly #waits: Waits;
  /** Told when a pause begins and when it is over. */
  say: (text: string) => void = () => {};

  /** `signal` ends a pause. */
  constructor(signal?: AbortSignal, waits = WAITS) {
    this.#signal = signal;
    this.#waits = waits;
  }

  /**
   * Does `action`, again and again while the disk is full: whatever failed must be as if it had not been tried. Throws
   * Interrupted when stopped while waiting, and all other errors at once.
   */
  async until<T>(action: () => T | Promise<T>): Promise<T> {
    const began = performance.now();
    for (let waitMs = this.#waits.first, tries = 1; ; tries++) {
      try {
        const result = await action();
        if (tries > 1) this.say(`there is space again after ${seconds(began)} s: the run goes on`);
        return result;
      } catch (error) {
        if (!isDiskFull(error) || this.#signal?.aborted) throw error;
        if (tries === 1)
          this.say(
            `paused: ${error.message}. Nothing is lost; the run goes on by itself once there is space (Ctrl-C stops it)`,
          );
      }
      try {
        await sleep(waitMs, undefined, { signal: this.#signal });
      } catch (cause) {
        throw new Interrupted('stopped while waiting for space on the disk', { cause });
      }
      waitMs = Math.min(2 * waitMs, this.#waits.longest);
    }
  }
}

/** Also of those that came from another thread under their own name. */
function isDiskFull(error: unknown): error is Error {
  return error instanceof Error && error.name === DiskFullError.name;
}

const seconds = (began: number): string => ((performance.now() - began) / 1000).toFixed(0);
