/** The daemon's emergency stop: the word in shared memory that the loop looks at in every tick, and who said it. */
import { EmergencyStopError } from '../../contract/apiErrors.js';
import type { DaemonState } from '../../contract/apiState.js';
import type { StopWords } from './liveMemory.js';

export class EmergencyStop {
  readonly #word: StopWords['stop'];
  #state: DaemonState['emergencyStop'] = null;

  constructor(word: StopWords['stop']) {
    this.#word = word;
  }

  /** Null: nobody has stopped the arms. */
  get state(): DaemonState['emergencyStop'] {
    return this.#state;
  }

  /** Returns at once. Whoever was first is told about. */
  by(who: string): void {
    this.#word.set(true);
    this.#state ??= { by: who, at: Date.now() };
  }

  /** What the motors themselves said. */
  answered(holds: boolean): void {
    if (this.#state) this.#state = { ...this.#state, holds };
  }

  clear(): void {
    this.#word.set(false);
    this.#state = null;
  }

  /** Throws EmergencyStopError while the arms are stopped. */
  requireNone(): void {
    if (!this.#state) return;
    throw new EmergencyStopError(
      `${this.#state.by} stopped the arms: look at them, then clear the emergency stop ('alohad clear')`,
    );
  }
}
