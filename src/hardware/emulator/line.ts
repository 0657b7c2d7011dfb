/**
 * One emulated bus: servos on a line, instruction packets in, status packets out. Pure: bytes and times go in, bytes
 * with their times come out; a pseudo-terminal or a test stands around it.
 */
import { crc16 } from '../dynamixel/crc.js';
import { ADDRESS, BAUD_RATES, FAST_FIRMWARE, TICKS_PER_REVOLUTION } from '../dynamixel/controlTable.js';
import { BROADCAST_ID, INSTRUCTION, MAX_ID, PacketWriter, STATUS_ERROR } from '../dynamixel/packet.js';
import { PacketParser } from '../dynamixel/parser.js';
import { isReverse } from './encoderFrame.js';
import { ERROR_OF, Mishaps, type FaultCommand } from './faults.js';
import { EmulatedServo, type ServoSettings } from './servo.js';
import { Wire, type WireTiming } from './wire.js';

export interface LineSettings extends WireTiming {
  readonly servos: readonly ServoSettings[];
  /** Of the faults that happen by chance. */
  readonly seed?: number;
}

/** Longest register block that one read returns [bytes]. */
const LONGEST_READ = 700;
const LOW_VOLTAGE = 8;
const SUPPLY_VOLTAGE = 12;

export class EmulatedLine {
  readonly servos: readonly EmulatedServo[];
  readonly wire: Wire;
  readonly #parser = new PacketParser();
  readonly #writer = new PacketWriter();
  readonly #mishaps: Mishaps;
  readonly #read = new Uint8Array(LONGEST_READ);
  #nowMs = 0;
  #hostBaud: number | undefined;

  constructor(settings: LineSettings) {
    this.servos = settings.servos.map((servo) => new EmulatedServo(servo));
    this.wire = new Wire(settings);
    this.#mishaps = new Mishaps(settings.seed ?? 0);
  }

  /** The servo with this ID. */
  servo(id: number): EmulatedServo | undefined {
    return this.servos.find((servo) => servo.id === id);
  }

  /** Lets time pass for every servo [ms, any monotonic clock]. */
  advance(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const servo of this.servos) servo.advance(nowMs);
  }

  /**
   * Takes bytes from the computer.
   * @param hostBaud rate at which they were sent [bit/s]: a servo set to another one understands nothing
   */
  receive(bytes: Uint8Array, length: number, nowMs: number, hostBaud?: number): void {
    this.#hostBaud = hostBaud;
    this.#parser.push(bytes, 0, length);
    while (this.#parser.next()) {
      if (this.#parser.instruction === INSTRUCTION.status) continue;
      this.wire.sent(this.#parser.parameterCount + 10, nowMs);
      this.advance(nowMs);
      for (const servo of this.servos) if (this.#hears(servo)) servo.heard(nowMs);
      this.#execute();
      this.wire.endOfAnswers();
    }
  }

  /** Makes something go wrong, or right again. Plugs are the business of whoever holds the terminal. */
  apply(command: FaultCommand): void {
    if (command.kind === 'line') this.#mishaps.faults = command.faults;
    if (command.kind === 'unplug' || command.kind === 'replug' || command.kind === 'line') return;
    const servo = this.servo(command.id);
    if (!servo) return;
    if (command.kind === 'hand') this.#hold(servo, command.position);
    else if (command.kind === 'stops') servo.surroundings.stops = command.range ?? [-Infinity, Infinity];
    else {
      const { fault } = command;
      const error = ERROR_OF[fault];
      if (error !== undefined) servo.fail(error);
      if (fault === 'undervoltage') servo.supplyV = LOW_VOLTAGE;
      if (fault === 'absent') servo.absent = true;
      if (fault === 'present') {
        servo.absent = false;
        servo.supplyV = SUPPLY_VOLTAGE;
      }
    }
  }

  /** A hand on a joint holds the shadow on the same shaft as well; on a shadow's own ID it is the shadow that is loose. */
  #hold(servo: EmulatedServo, position: number | null): void {
    servo.surroundings.hand = position ?? undefined;
    for (const shadow of this.servos) {
      if (shadow === servo || shadow.memory.get(ADDRESS.secondaryId) !== servo.id) continue;
      const isOpposite = isReverse(shadow.memory) !== isReverse(servo.memory);
      const there = isOpposite && position !== null ? TICKS_PER_REVOLUTION - position : position;
      shadow.surroundings.hand = there ?? undefined;
    }
  }

  #hears(servo: EmulatedServo): boolean {
    const baud = BAUD_RATES[servo.memory.get(ADDRESS.baudRate)];
    return servo.hears(this.#nowMs) && (this.#hostBaud === undefined || baud === this.#hostBaud);
  }

  /** Servos that hear an instruction addressed to `id`, in the order in which they answer. */
  #addressed(id: number): EmulatedServo[] {
    return this.servos
      .filter((servo) => this.#hears(servo) && (id === BROADCAST_ID || servo.id === id))
      .sort((a, b) => a.id - b.id);
  }

  #shadows(id: number): EmulatedServo[] {
    return this.servos.filter(
      (servo) =>
        this.#hears(servo) && id <= MAX_ID && servo.id !== id && servo.memory.get(ADDRESS.secondaryId) === id,
    );
  }

  #execute(): void {
    const { id, instruction, view, parameterCount } = this.#parser;
    const parameters = this.#parser.parameters.slice(0, parameterCount);
    switch (instruction) {
      case INSTRUCTION.ping:
        for (const servo of this.#addressed(id)) this.#answerPing(servo);
        return;
      case INSTRUCTION.read:
        if (id === BROADCAST_ID || parameterCount !== 4) return;
        for (const servo of this.#addressed(id)) {
          this.#answerRead(servo, view.getUint16(0, true), view.getUint16(2, true));
        }
        return;
      case INSTRUCTION.syncRead:
      case INSTRUCTION.fastSyncRead:
        this.#readMany(instruction === INSTRUCTION.fastSyncRead, this.#sharesOfSync(parameters, view));
        return;
      case INSTRUCTION.bulkRead:
      case INSTRUCTION.fastBulkRead:
        this.#readMany(instruction === INSTRUCTION.fastBulkRead, this.#sharesOfBulk(parameters, view));
        return;
      case INSTRUCTION.syncWrite: {
        const length = view.getUint16(2, true);
        for (let at = 4; at + length < parameterCount; at += 1 + length) {
          this.#writeSilently(
            parameters[at]!,
            view.getUint16(0, true),
            parameters.slice(at + 1, at + 1 + length),
          );
        }
        return;
      }
      case INSTRUCTION.bulkWrite:
        for (let at = 0; at + 5 <= parameterCount;) {
          const length = view.getUint16(at + 3, true);
          const data = parameters.slice(at + 5, at + 5 + length);
          this.#writeSilently(parameters[at]!, view.getUint16(at + 1, true), data);
          at += 5 + length;
        }
        return;
      default:
        for (const servo of this.#addressed(id)) this.#executeOn(servo, id, instruction, parameters, view);
        if (instruction === INSTRUCTION.write) {
          for (const servo of this.#shadows(id))
            servo.write(view.getUint16(0, true), parameters.subarray(2), true);
        }
    }
  }

  /** Instructions whose answer says only whether they succeeded. */
  #executeOn(
    servo: EmulatedServo,
    id: number,
    instruction: number,
    parameters: Uint8Array,
    view: DataView,
  ): void {
    // The answer goes out as it would have before the instruction.
    const answerId = this.#answerId(servo);
    const delayMs = this.#delayMs(servo);
    const isHeard = id !== BROADCAST_ID && servo.memory.get(ADDRESS.statusReturnLevel) === 2;
    let error: number = STATUS_ERROR.instruction;
    const address = parameters.length >= 2 ? view.getUint16(0, true) : 0;
    if (instruction === INSTRUCTION.write) error = servo.write(address, parameters.subarray(2));
    if (instruction === INSTRUCTION.regWrite) error = servo.register(address, parameters.subarray(2));
    if (instruction === INSTRUCTION.action) error = servo.action();
    if (instruction === INSTRUCTION.clear) error = servo.clear(parameters);
    if (instruction === INSTRUCTION.reboot) {
      servo.reboot();
      error = STATUS_ERROR.none;
    }
    if (instruction === INSTRUCTION.factoryReset) {
      // Source: e-manual, Factory Reset (0x06): everyone at once is refused.
      if (id === BROADCAST_ID && parameters[0] === 0xff) return;
      error = servo.factoryReset(parameters[0] ?? 0);
    }
    if (!isHeard) return;
    this.#writer.begin(answerId, INSTRUCTION.status).u8(error | servo.alertBit);
    this.#send(delayMs);
  }

  #writeSilently(id: number, address: number, data: Uint8Array): void {
    for (const servo of this.#addressed(id)) servo.write(address, data);
    for (const servo of this.#shadows(id)) servo.write(address, data, true);
  }

  #answerPing(servo: EmulatedServo): void {
    const { memory } = servo;
    this.#writer.begin(this.#answerId(servo), INSTRUCTION.status).u8(servo.alertBit);
    this.#writer.u16(memory.get(ADDRESS.modelNumber)).u8(memory.get(ADDRESS.firmwareVersion));
    this.#send(this.#delayMs(servo));
  }

  #answerRead(servo: EmulatedServo, address: number, length: number): void {
    if (servo.memory.get(ADDRESS.statusReturnLevel) < 1) return;
    const error = servo.memory.read(address, length, this.#read);
    this.#writer.begin(this.#answerId(servo), INSTRUCTION.status).u8(error | servo.alertBit);
    if (error === STATUS_ERROR.none) this.#writer.raw(this.#read, 0, length);
    this.#send(this.#delayMs(servo));
  }

  #readMany(isFast: boolean, shares: readonly { id: number; address: number; length: number }[]): void {
    const servos = shares.map(({ id }) => this.servos.find((servo) => servo.id === id && this.#hears(servo)));
    if (!isFast) {
      for (const [n, servo] of servos.entries()) {
        if (servo) this.#answerRead(servo, shares[n]!.address, shares[n]!.length);
      }
      return;
    }
    const speaks = servos.filter(
      (servo): servo is EmulatedServo =>
        servo !== undefined && servo.memory.get(ADDRESS.firmwareVersion) >= FAST_FIRMWARE,
    );
    // One packet by many: whoever is missing breaks it.
    if (speaks.length === shares.length && speaks.length > 0) this.#answerFast(speaks, shares);
  }

  /** Source: e-manual, Fast Sync Read (0x8A): each servo adds error, ID, data and the CRC of all so far; no stuffing. */
  #answerFast(
    servos: readonly EmulatedServo[],
    shares: readonly { address: number; length: number }[],
  ): void {
    const rest = shares.reduce((sum, { length }) => sum + length + 4, 1);
    const packet = new Uint8Array(7 + rest);
    packet.set([0xff, 0xff, 0xfd, 0x00, BROADCAST_ID, rest & 0xff, rest >> 8, INSTRUCTION.status]);
    let end = 8;
    for (const [n, servo] of servos.entries()) {
      const { address, length } = shares[n]!;
      const error = servo.memory.read(address, length, this.#read);
      packet[end++] = error | servo.alertBit;
      packet[end++] = this.#answerId(servo);
      if (error === STATUS_ERROR.none) packet.set(this.#read.subarray(0, length), end);
      end += length;
      const crc = crc16(packet, 0, end);
      packet[end++] = crc & 0xff;
      packet[end++] = crc >> 8;
    }
    this.#deliver(packet, this.#delayMs(servos[0]!));
  }

  #sharesOfSync(parameters: Uint8Array, view: DataView): { id: number; address: number; length: number }[] {
    if (parameters.length < 5) return [];
    const [address, length] = [view.getUint16(0, true), view.getUint16(2, true)];
    return Array.from(parameters.subarray(4), (id) => ({ id, address, length }));
  }

  #sharesOfBulk(parameters: Uint8Array, view: DataView): { id: number; address: number; length: number }[] {
    return Array.from({ length: Math.floor(parameters.length / 5) }, (_, n) => ({
      id: parameters[5 * n]!,
      address: view.getUint16(5 * n + 1, true),
      length: view.getUint16(5 * n + 3, true),
    }));
  }

  #delayMs(servo: EmulatedServo): number {
    return servo.memory.get(ADDRESS.returnDelayTime) * 0.002;
  }

  /** The ID under which a servo answers: its own, or its neighbour's by mishap. */
  #answerId({ id }: EmulatedServo): number {
    return this.#mishaps.happens(this.#mishaps.faults.wrongId) ? (id + 1) % MAX_ID : id;
  }

  /** Sends what is in the writer. */
  #send(delayMs: number): void {
    this.#writer.end();
    this.#deliver(this.#writer.bytes.slice(0, this.#writer.length), delayMs);
  }

  #deliver(packet: Uint8Array, delayMs: number): void {
    const { faults } = this.#mishaps;
    if (this.#mishaps.happens(faults.drop)) return;
    const copies = this.#mishaps.happens(faults.duplicate) ? 2 : 1;
    if (this.#mishaps.happens(faults.corrupt)) this.#mishaps.damage(packet);
    const lateMs = this.#mishaps.happens(faults.delay) ? (faults.delayMs ?? 20) : 0;
    for (let copy = 0; copy < copies; copy++) this.wire.answer(packet, delayMs + lateMs);
  }
}
