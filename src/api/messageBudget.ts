/** A token bucket: how many messages a client may send. A person needs few; a runaway script must not drown others. */

/** Messages in a burst, and per second after it. */
const BURST = 200;
const PER_SECOND = 100;

export class MessageBudget {
  #left = BURST;
  #countedMs = performance.now();

  /** Whether one more message is within the budget. */
  spend(): boolean {
    const now = performance.now();
    this.#left = Math.min(BURST, this.#left + ((now - this.#countedMs) / 1000) * PER_SECOND);
    this.#countedMs = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
