/**
 * A source whose failure is not the robot's: when it throws, it decides nothing more and the episode is to end, with
 * the arms holding and ready for the next.
 */
import type { ActionSource } from '../contract/policy.js';
import type { Observation } from '../contract/robot.js';
import type { StopSignal } from '../realtime/clock.js';

export class GuardedSource implements ActionSource, StopSignal {
  readonly name: string;
  /** What the source threw. */
  failure: unknown;
  readonly #source: ActionSource;
  #failed = false;

  /** @param source borrowed: `close` is its owner's matter */
  constructor(source: ActionSource) {
    this.name = source.name;
    this.#source = source;
  }

  /** The episode's signal: a source that failed ends it. */
  get aborted(): boolean {
    return this.#failed;
  }

  reset(): void {
    this.#try(() => {
      this.#source.reset();
    });
  }

  decide(observation: Observation): Float64Array | undefined {
    return this.#try(() => this.#source.decide(observation));
  }

  async close(): Promise<void> {}

  #try<T>(ask: () => T): T | undefined {
    if (this.#failed) return undefined;
    try {
      return ask();
    } catch (error) {
      this.#failed = true;
      this.failure = error;
      return undefined;
    }
  }
}
