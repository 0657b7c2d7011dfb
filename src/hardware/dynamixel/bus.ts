/**
 * One line of servos: instructions of Protocol 2.0 and their answers, one at a time, in blocking calls.
 *
 * For setting up and looking around; the cycle of an arm uses `SyncRead` and `SyncWrite`, which build on the same
 * exchange and do not allocate.
 */
import type { Port } from '../port.js';
import { NoAnswerError, ServoRefusedError } from './busErrors.js';
import { LinkStatistics } from './linkStatistics.js';
import { BROADCAST_ID, INSTRUCTION, MAX_ID, MAX_PACKET_BYTES, PacketWriter } from './packet.js';
import { PacketParser } from './parser.js';

export interface PingAnswer {
  readonly id: number;
  readonly modelNumber: number;
  readonly firmware: number;
  /** The servo has a hardware error. */
  readonly alert: boolean;
}

/** What a servo's register area holds, one entry of a bulk read. */
export interface BulkEntry {
  readonly id: number;
  readonly address: number;
  readonly length: number;
}

export type FactoryResetScope = 'all' | 'all but ID' | 'all but ID and baud rate';

const RESET_OPTION: Readonly<Record<FactoryResetScope, number>> = {
  all: 0xff,
  'all but ID': 0x01,
  'all but ID and baud rate': 0x02,
};

/** Instruction, parameters and CRC of the only form of Clear; source: e-manual, Clear (0x10). */
const CLEAR_MULTI_TURN = [0x01, 0x44, 0x58, 0x4c, 0x22];

/** After an answer was missed: silence that is waited for before the next question, and how long at most [ms]. */
const QUIET_MS = 1;
const TIDY_MS = 5;

/** How often a servo is asked before it counts as silent; the second and third time it may take longer. */
const ATTEMPTS = 3;

export interface BusOptions {
  /**
   * What an answer may take beyond its time on the wire [ms]: return delay, USB latency timer (16 ms unless lowered),
   * a busy machine.
   */
  readonly slackMs?: number;
}

export class ServoBus {
  readonly port: Port;
  readonly statistics = new LinkStatistics();
  readonly writer = new PacketWriter();
  /** The last status packet, after `receive`. */
  readonly parser = new PacketParser();
  readonly slackMs: number;
  readonly #received = new Uint8Array(MAX_PACKET_BYTES);
  /** Something may still arrive that nobody waits for; it is over after so long a silence [ms]. */
  #untidy = true;
  #quietMs = QUIET_MS;

  constructor(port: Port, options: BusOptions = {}) {
    this.port = port;
    this.slackMs = options.slackMs ?? 30;
  }

  /** Time of so many bytes on the wire [ms]: ten bits each. Safe in the loop. */
  wireMs(bytes: number): number {
    return (bytes * 10_000) / this.port.baudRate;
  }

  /** Sends the packet that was built in `writer`. Safe in the loop. Throws PortError. */
  send(): void {
    this.#tidy();
    this.port.write(this.writer.bytes, this.writer.length);
  }

  /** More may still arrive of what was asked last, which the next question must not take for its answer. Safe in the loop. */
  giveUp(): void {
    this.#untidy = true;
  }

  /** Waits until `deadlineMs` (on the port's clock) for the next status packet of any servo. Safe in the loop. */
  receive(deadlineMs: number): boolean {
    const { parser, statistics } = this;
    const damagedBefore = parser.crcErrors;
    try {
      for (;;) {
        while (parser.next()) if (parser.instruction === INSTRUCTION.status) return true;
        const count = this.port.read(this.#received, deadlineMs - this.port.nowMs());
        if (count > 0) parser.push(this.#received, 0, count);
        else if (this.port.nowMs() >= deadlineMs) {
          this.#untidy = true;
          return false;
        }
      }
    } finally {
      const damaged = parser.crcErrors - damagedBefore;
      if (damaged > 0) {
        statistics.damage(parser.damagedId, damaged);
        this.#untidy = true;
      }
    }
  }

  /**
   * Drops what arrived unasked. An answer that comes after its deadline would otherwise be taken for the answer to the
   * next question, and every later one too: packets do not say what they answer.
   */
  #tidy(): void {
    const quietMs = this.#untidy ? this.#quietMs : 0;
    const giveUpMs = this.#untidy ? this.port.nowMs() + TIDY_MS + quietMs : 0;
    let stray = false;
    while (this.port.read(this.#received, quietMs) > 0) {
      stray = true;
      if (this.#untidy && this.port.nowMs() > giveUpMs) break;
    }
    if (stray || this.#untidy) this.parser.discard();
    this.#untidy = false;
    this.#quietMs = QUIET_MS;
  }

  ping(id: number): PingAnswer {
    this.writer.begin(id, INSTRUCTION.ping).end();
    this.#ask(id, 14, 'ping');
    return this.#pingAnswer();
  }

  /** Everyone on the bus, by ID. `waitMs`: how long servos may take their turns. */
  broadcastPing(waitMs = this.wireMs(14 * (MAX_ID + 1)) + this.slackMs): PingAnswer[] {
    this.writer.begin(BROADCAST_ID, INSTRUCTION.ping).end();
    this.send();
    const answers = new Map<number, PingAnswer>();
    const deadlineMs = this.port.nowMs() + waitMs;
    while (this.receive(deadlineMs)) {
      if (this.parser.parameterCount === 3) answers.set(this.parser.id, this.#pingAnswer());
    }
    return [...answers.values()].sort((a, b) => a.id - b.id);
  }

  /** Bytes address..address + length of a servo. Throws NoAnswerError, ServoRefusedError. */
  read(id: number, address: number, length: number): Uint8Array {
    this.writer.begin(id, INSTRUCTION.read).u16(address).u16(length).end();
    this.#ask(id, 11 + length, `read of ${length} bytes at ${address}`, length);
    return this.parser.parameters.slice(0, length);
  }

  /** A register as an unsigned number of 1, 2 or 4 bytes. */
  readUnsigned(id: number, address: number, size: 1 | 2 | 4): number {
    const bytes = this.read(id, address, size);
    return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
  }

  /** A register as a number in two's complement. */
  readSigned(id: number, address: number, size: 1 | 2 | 4): number {
    const value = this.readUnsigned(id, address, size);
    return value >= 2 ** (8 * size - 1) ? value - 2 ** (8 * size) : value;
  }

  /** Writes a number of 1, 2 or 4 bytes and waits for the servo's answer. To all servos: none answers. */
  write(id: number, address: number, size: 1 | 2 | 4, value: number): void {
    this.#register(INSTRUCTION.write, id, address, size, value);
  }

  /** Like `write`, carried out at the next `action`. */
  regWrite(id: number, address: number, size: 1 | 2 | 4, value: number): void {
    this.#register(INSTRUCTION.regWrite, id, address, size, value);
  }

  /** Carries out what `regWrite` left with the servo, or with all of them. */
  action(id = BROADCAST_ID): void {
    this.writer.begin(id, INSTRUCTION.action).end();
    this.#ask(id, 11, 'action');
  }

  /** Restarts a servo: torque off, RAM at its defaults, hardware errors forgotten. It is deaf for a moment then. */
  reboot(id: number): void {
    this.writer.begin(id, INSTRUCTION.reboot).end();
    this.#ask(id, 11, 'reboot');
  }

  /** Forgets full turns: the present position becomes 0..4095. The servo must stand. */
  clearMultiTurn(id: number): void {
    this.writer.begin(id, INSTRUCTION.clear);
    for (const byte of CLEAR_MULTI_TURN) this.writer.u8(byte);
    this.writer.end();
    this.#ask(id, 11, 'clear multi-turn');
  }

  /** Back to factory values. With scope `all` the servo then is ID 1 at 57,600 bit/s. */
  factoryReset(id: number, scope: FactoryResetScope): void {
    this.writer.begin(id, INSTRUCTION.factoryReset).u8(RESET_OPTION[scope]).end();
    this.#ask(id, 11, 'factory reset');
  }

  /** Different registers of different servos in one exchange; undefined where a servo did not answer. */
  bulkRead(entries: readonly BulkEntry[]): (Uint8Array | undefined)[] {
    this.writer.begin(BROADCAST_ID, INSTRUCTION.bulkRead);
    for (const { id, address, length } of entries) this.writer.u8(id).u16(address).u16(length);
    const sent = this.writer.end();
    const expected = entries.reduce((sum, { length }) => sum + 11 + length, 0);
    this.send();
    const deadlineMs = this.port.nowMs() + this.wireMs(sent + expected) + this.slackMs;
    const answers: (Uint8Array | undefined)[] = entries.map(() => undefined);
    for (const { id } of entries) this.statistics.ask(id);
    for (let missing = entries.length; missing > 0 && this.receive(deadlineMs);) {
      const at = entries.findIndex(({ id }) => id === this.parser.id);
      const entry = entries[at];
      if (!entry || answers[at]) continue;
      missing--;
      this.statistics.answer(entry.id);
      if (this.parser.parameterCount === entry.length) {
        answers[at] = this.parser.parameters.slice(0, entry.length);
      } else this.statistics.refuse(entry.id);
    }
    return answers;
  }

  /** Different registers of different servos written at once. None answers. */
  bulkWrite(entries: readonly { id: number; address: number; data: Uint8Array }[]): void {
    this.writer.begin(BROADCAST_ID, INSTRUCTION.bulkWrite);
    for (const { id, address, data } of entries) this.writer.u8(id).u16(address).u16(data.length).raw(data);
    this.writer.end();
    this.send();
  }

  #register(instruction: number, id: number, address: number, size: 1 | 2 | 4, value: number): void {
    this.writer.begin(id, instruction).u16(address);
    for (let byte = 0; byte < size; byte++) this.writer.u8(Math.floor(value / 256 ** byte));
    this.writer.end();
    this.#ask(id, 11, `write of ${value} at ${address}`);
  }

  /** Sends what is in `writer` until `id` answers, a few times; nobody is waited for when everyone is addressed. */
  #ask(id: number, answerBytes: number, doing: string, dataBytes?: number): void {
    if (id === BROADCAST_ID) {
      this.send();
      return;
    }
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      this.send();
      this.statistics.ask(id, attempt > 0);
      const waitMs = this.wireMs(this.writer.length + answerBytes) + this.slackMs * 2 ** attempt;
      if (this.#receiveFrom(id, this.port.nowMs() + waitMs, dataBytes)) {
        // What came may answer an earlier attempt, late. The others' answers would be taken for the next question's.
        if (attempt > 0) {
          this.#untidy = true;
          this.#quietMs = waitMs;
        }
        if (this.parser.error === 0) return;
        this.statistics.refuse(id);
        throw new ServoRefusedError(id, this.parser.error, doing, this.port.path);
      }
    }
    throw new NoAnswerError(id, doing, this.port.path);
  }

  /** Whether `id` answers before the deadline: with an error, or with so many bytes where that is known. */
  #receiveFrom(id: number, deadlineMs: number, dataBytes?: number): boolean {
    const { parser } = this;
    while (this.receive(deadlineMs)) {
      if (parser.id !== id) continue;
      if (parser.error === 0 && dataBytes !== undefined && parser.parameterCount !== dataBytes) continue;
      this.statistics.answer(id);
      return true;
    }
    return false;
  }

  #pingAnswer(): PingAnswer {
    const { id, view, alert } = this.parser;
    return { id, modelNumber: view.getUint16(0, true), firmware: view.getUint8(2), alert };
  }
}
