/**
 * The same registers of several servos in one exchange: a sync read (every servo answers with a packet of its own) or
 * a fast sync read (all write one packet together: 55 bytes less for nine servos, but one damaged byte loses them all).
 * Prepared once, run every cycle, without allocating.
 */
import type { ServoBus } from './bus.js';
import { BROADCAST_ID, INSTRUCTION } from './packet.js';

/** A status packet around its data, and one servo's share of a fast answer around its data [bytes]. */
const STATUS_BYTES = 11;
const FAST_HEADER_BYTES = 8;
const FAST_SHARE_BYTES = 4;

export class SyncRead {
  readonly ids: readonly number[];
  /** Bytes per servo. */
  readonly length: number;
  /** What servo n answered, at n * length; what it answered before stays while it is silent. */
  readonly data: Uint8Array;
  readonly view: DataView;
  /** 1 where the servo answered in the last run. Shape (ids,). */
  readonly valid: Uint8Array;
  /** When each servo's last answer was complete, on the port's clock [ms]; 0 before the first. Shape (ids,). */
  readonly timeMs: Float64Array;
  /** 1 where the servo's last answer reported a hardware error. Shape (ids,). */
  readonly alert: Uint8Array;
  /** As they were before the run: to be put back where an answer cannot be trusted. */
  readonly #dataBefore: Uint8Array;
  readonly #timeBefore: Float64Array;
  readonly #alertBefore: Uint8Array;
  /** 1 where an answer is expected in this attempt. */
  readonly #asked: Uint8Array;
  readonly #bus: ServoBus;
  readonly #address: number;
  readonly #fast: boolean;

  constructor(bus: ServoBus, address: number, length: number, ids: readonly number[], fast = false) {
    this.#bus = bus;
    this.#address = address;
    this.#fast = fast;
    this.ids = ids;
    this.length = length;
    this.data = new Uint8Array(ids.length * length);
    this.view = new DataView(this.data.buffer);
    this.valid = new Uint8Array(ids.length);
    this.timeMs = new Float64Array(ids.length);
    this.alert = new Uint8Array(ids.length);
    this.#asked = new Uint8Array(ids.length);
    this.#dataBefore = new Uint8Array(this.data.length);
    this.#timeBefore = new Float64Array(ids.length);
    this.#alertBefore = new Uint8Array(ids.length);
  }

  /** Bytes of question and answers on the wire, without stuffing. */
  get wireBytes(): number {
    const question = 14 + this.ids.length;
    return this.#fast
      ? question + FAST_HEADER_BYTES + this.ids.length * (FAST_SHARE_BYTES + this.length)
      : question + this.ids.length * (STATUS_BYTES + this.length);
  }

  /**
   * Asks everyone; whoever has not answered after their time on the wire and `slackMs` is asked once more, while
   * `deadlineMs` (on the port's clock) lies ahead. Returns how many answered. Safe in the loop. Throws PortError.
   */
  run(deadlineMs: number, slackMs: number): number {
    this.valid.fill(0);
    this.#dataBefore.set(this.data);
    this.#timeBefore.set(this.timeMs);
    this.#alertBefore.set(this.alert);
    const patience = this.#bus.port.nowMs() + this.#bus.wireMs(this.wireBytes) + slackMs;
    let count = this.#attempt(this.#fast, Math.min(patience, deadlineMs), false);
    if (count < this.ids.length && this.#bus.port.nowMs() < deadlineMs) {
      count += this.#attempt(false, deadlineMs, true);
    }
    return count;
  }

  /** Asks those who have not answered; returns how many did. */
  #attempt(fast: boolean, deadlineMs: number, isRetry: boolean): number {
    const { ids, length, valid } = this;
    const asked = this.#asked;
    const { writer, parser, statistics } = this.#bus;
    writer.begin(BROADCAST_ID, fast ? INSTRUCTION.fastSyncRead : INSTRUCTION.syncRead);
    writer.u16(this.#address).u16(length);
    let missing = 0;
    for (let n = 0; n < ids.length; n++) {
      asked[n] = 1 - valid[n]!;
      if (valid[n] === 1) continue;
      writer.u8(ids[n]!);
      statistics.ask(ids[n]!, isRetry);
      missing++;
    }
    writer.end();
    this.#bus.send();
    let found = 0;
    while (found < missing && this.#bus.receive(deadlineMs)) {
      if (fast && parser.id === BROADCAST_ID) {
        found += this.#takeShares();
        break;
      }
      const n = ids.indexOf(parser.id);
      const isAnswered = n >= 0 && valid[n] === 1;
      if (isAnswered && (asked[n] === 0 || !this.#contradicts(n))) continue;
      if (isAnswered || n < 0) {
        this.#doubt();
        return 0;
      }
      if (parser.error === 0 && parser.parameterCount === length) {
        this.#take(n, 0, parser.alert);
        found++;
      } else {
        statistics.answer(ids[n]!);
        statistics.refuse(ids[n]!);
        missing--;
      }
    }
    return found;
  }

  /** Splits a fast answer: after the first error byte ID, data, CRC, then error, ID, data, CRC of the next. */
  #takeShares(): number {
    const { ids, length } = this;
    const { parser } = this.#bus;
    const stride = FAST_SHARE_BYTES + length;
    if (parser.parameterCount !== ids.length * stride - 3) return 0; // No first error, no last CRC.
    let found = 0;
    for (let n = 0; n < ids.length; n++) {
      const at = n * stride;
      if (parser.parameters[at] !== ids[n]) continue;
      const error = n === 0 ? parser.error : parser.parameters[at - 1]!;
      const alert = n === 0 ? parser.alert : error >= 0x80;
      if ((error & 0x7f) !== 0) this.#bus.statistics.refuse(ids[n]!);
      else {
        this.#take(n, at + 1, alert);
        found++;
      }
    }
    return found;
  }

  /** Whether servo n has said something else just now: two servos under one ID, or an old answer that comes late. */
  #contradicts(n: number): boolean {
    const { parameters, parameterCount } = this.#bus.parser;
    if (parameterCount !== this.length) return true;
    for (let byte = 0; byte < this.length; byte++) {
      if (this.data[n * this.length + byte] !== parameters[byte]) return true;
    }
    return false;
  }

  /** Somebody answered under an ID that is not theirs: nobody knows who said what, so nothing was said in this attempt. */
  #doubt(): void {
    this.#bus.giveUp();
    for (let n = 0; n < this.ids.length; n++) {
      if (this.#asked[n] === 0) continue;
      for (let byte = n * this.length; byte < (n + 1) * this.length; byte++)
        this.data[byte] = this.#dataBefore[byte]!;
      this.valid[n] = 0;
      this.timeMs[n] = this.#timeBefore[n]!;
      this.alert[n] = this.#alertBefore[n]!;
    }
  }

  #take(n: number, from: number, alert: boolean): void {
    const { parameters } = this.#bus.parser;
    for (let byte = 0; byte < this.length; byte++) {
      this.data[n * this.length + byte] = parameters[from + byte]!;
    }
    this.valid[n] = 1;
    this.alert[n] = alert ? 1 : 0;
    this.timeMs[n] = this.#bus.port.nowMs();
    this.#bus.statistics.answer(this.ids[n]!);
  }
}
