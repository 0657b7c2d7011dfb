/**
 * One request and its answer in shared memory, handed to and fro between two threads without messages.
 *
 * The protocol is one word. Its value counts hand-overs: even means the client owns the block, odd the server, so
 * each side reads and writes the data only on its own turn and nothing is ever torn. The count only grows, so an
 * answer cannot be taken twice. Negative values end the conversation and are never left again:
 * CLOSED by the client, FAILED by the server (or on its behalf, when it died).
 *
 * All accesses to the word are atomic, which orders the plain writes to the data around them (ECMAScript memory model).
 */
const CLOSED = -1;
const FAILED = -2;

/** Bytes of the word at the start of a block, and the alignment of what follows. */
export const MAILBOX_BYTES = 8;

/** Where the conversation stands, seen from either side. */
export type Turn = 'client' | 'server' | 'closed' | 'failed';

export class Mailbox {
  readonly #word: Int32Array;

  /** @param block shared memory of at least MAILBOX_BYTES, zeroed when new: the client begins */
  constructor(block: SharedArrayBuffer) {
    this.#word = new Int32Array(block, 0, 1);
  }

  /** Safe in the loop. */
  turn(): Turn {
    const word = Atomics.load(this.#word, 0);
    if (word === CLOSED) return 'closed';
    if (word === FAILED) return 'failed';
    return word % 2 === 0 ? 'client' : 'server';
  }

  /** Gives the block to the other side. Does nothing when it is not `from`'s turn: a late answer after a close. */
  handOver(from: 'client' | 'server'): void {
    const word = Atomics.load(this.#word, 0);
    if (word < 0 || (word % 2 === 0) !== (from === 'client')) return;
    // Keeps parity when the count wraps, after 497 days at 50 Hz.
    Atomics.compareExchange(this.#word, 0, word, word === 0x7fffffff ? 0 : word + 1);
    Atomics.notify(this.#word, 0);
  }

  /** Blocks this thread while it is `other`'s turn, at most `timeoutMs`; returns whose turn it is then. */
  waitWhile(other: 'client' | 'server', timeoutMs = Infinity): Turn {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const word = Atomics.load(this.#word, 0);
      const remainingMs = until - performance.now();
      if (word < 0 || (word % 2 === 0) !== (other === 'client') || remainingMs <= 0) return this.turn();
      Atomics.wait(this.#word, 0, word, remainingMs);
    }
  }

  /** The client wants no more. A conversation that failed stays failed. */
  close(): void {
    this.#end(CLOSED);
  }

  /** The server cannot go on. A conversation that was closed stays closed. */
  fail(): void {
    this.#end(FAILED);
  }

  #end(how: number): void {
    for (let word = Atomics.load(this.#word, 0); word >= 0; word = Atomics.load(this.#word, 0)) {
      if (Atomics.compareExchange(this.#word, 0, word, how) === word) break;
    }
    Atomics.notify(this.#word, 0);
  }
}
