/**
 * A child that is started again when it dies: after half a second, then each time twice as long, up to half a minute.
 * One that lived for a minute has proven itself and begins at half a second again.
 */
import type { ChildState } from '../../contract/apiState.js';
import { meaningOf } from '../../contract/systemError.js';

export interface RunningChild {
  readonly pid?: number;
  /** Resolves with the reason when it has ended; undefined: it was done and shall stay away. */
  readonly ended: Promise<string | undefined>;
  /** Asks it to end. `ended` resolves some time later. */
  end(): void;
  /** Ends it without asking. Absent: it cannot refuse. */
  kill?(): void;
}

export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
  /** After so long a life the next death counts as the first. */
  readonly provenMs: number;
  /** Longest wait for a child that was asked to end; then it is killed. */
  readonly graceMs: number;
}

const BACKOFF: Backoff = { firstMs: 500, longestMs: 30_000, provenMs: 60_000, graceMs: 60_000 };

export class Supervised<Child extends RunningChild> {
  readonly name: string;
  readonly #start: () => Promise<Child>;
  readonly #onChange: (reason: string | undefined) => void;
  readonly #backoff: Backoff;
  #child: Child | undefined;
  #state: ChildState['state'] = 'stopped';
  #deaths = 0;
  /** Deaths in a row. */
  #row = 0;
  #lastError: string | undefined;
  #wanted = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param onChange told of every change of state, with the reason when the child died */
  constructor(
    name: string,
    start: () => Promise<Child>,
    onChange: (reason: string | undefined) => void,
    backoff: Backoff = BACKOFF,
  ) {
    this.name = name;
    this.#start = start;
    this.#onChange = onChange;
    this.#backoff = backoff;
  }

  /** The child, while it runs. */
  get child(): Child | undefined {
    return this.#child;
  }

  get state(): ChildState {
    const pid = this.#child?.pid;
    return {
      name: this.name,
      state: this.#state,
      deaths: this.#deaths,
      ...(pid !== undefined && { pid }),
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
    };
  }

  /** Starts the child and watches it from now on. Throws when it cannot even start. */
  async start(): Promise<Child> {
    this.#wanted = true;
    this.#lastError = undefined;
    try {
      return await this.#launch();
    } catch (error) {
      this.#wanted = false;
      this.#lastError = meaningOf(error);
      this.#enter('stopped', this.#lastError);
      throw error;
    }
  }

  /** Ends the child for good, and waits for it; the state tells when it had to be killed. Safe to call twice. */
  async stop(): Promise<void> {
    this.#wanted = false;
    clearTimeout(this.#timer);
    const child = this.#child;
    child?.end();
    const { graceMs } = this.#backoff;
    const grace = setTimeout(() => {
      if (!child?.kill) return;
      this.#lastError = `it did not end within ${graceMs / 1000} s of being asked to, and was killed`;
      this.#onChange(this.#lastError);
      child.kill();
    }, graceMs);
    await child?.ended;
    clearTimeout(grace);
    this.#enter('stopped');
  }

  async #launch(): Promise<Child> {
    this.#enter('starting');
    const child = await this.#start();
    const startedMs = performance.now();
    this.#child = child;
    this.#enter('running');
    void child.ended.then((reason) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      if (!this.#wanted || reason === undefined) {
        this.#wanted = false;
        this.#enter('stopped');
        return;
      }
      if (performance.now() - startedMs > this.#backoff.provenMs) this.#row = 0;
      this.#died(reason);
    });
    return child;
  }

  #died(reason: string): void {
    this.#deaths += 1;
    this.#lastError = reason;
    const { firstMs, longestMs } = this.#backoff;
    const delayMs = Math.min(longestMs, firstMs * 2 ** this.#row++);
    this.#timer = setTimeout(() => {
      this.#launch().catch((error: unknown) => {
        this.#died(meaningOf(error));
      });
    }, delayMs);
    this.#enter('waiting to restart', reason);
  }

  #enter(state: ChildState['state'], reason?: string): void {
    this.#state = state;
    this.#onChange(reason);
  }
}
