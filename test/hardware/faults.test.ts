/** Every fault that can be asked for, in the words in which it is asked for, and what a client of the bus sees of it. */
import { describe, expect, it } from 'vitest';
import { NoAnswerError } from '#alohad/hardware/dynamixel/busErrors.js';
import { ServoBus } from '#alohad/hardware/dynamixel/bus.js';
import { ADDRESS, HARDWARE_ERROR } from '#alohad/hardware/dynamixel/controlTable.js';
import { MODELS } from '#alohad/hardware/dynamixel/models.js';
import { PacketParser } from '#alohad/hardware/dynamixel/parser.js';
import { INSTRUCTION, PacketWriter } from '#alohad/hardware/dynamixel/packet.js';
import { parseFaultCommand } from '#alohad/hardware/emulator/faultCommand.js';
import { LoopPort } from './loopPort.js';

/** Two servos and what makes something go wrong with them. */
function busOf() {
  const port = new LoopPort({
    servos: [1, 2].map((id) => ({ model: MODELS['XM430-W350'], id, position: 2048 })),
    seed: 1,
  });
  const bus = new ServoBus(port, { slackMs: 5 });
  const say = (line: string): void => port.line.apply(parseFaultCommand(`arm ${line}`).command);
  return { port, bus, say };
}

interface Heard {
  readonly ids: readonly number[];
  readonly damaged: number;
  /** When the first byte came after the question [ms]. */
  readonly afterMs: number;
}

/** Asks servo 1 once and listens to the raw line for a while. */
function listen(port: LoopPort): Heard {
  const writer = new PacketWriter();
  writer.begin(1, INSTRUCTION.ping).end();
  const askedMs = port.nowMs();
  port.write(writer.bytes, writer.length);
  const parser = new PacketParser();
  const bytes = new Uint8Array(256);
  const ids: number[] = [];
  let afterMs = Infinity;
  while (port.nowMs() - askedMs < 100) {
    const count = port.read(bytes, 10);
    if (count > 0) afterMs = Math.min(afterMs, port.nowMs() - askedMs);
    parser.push(bytes, 0, count);
    while (parser.next()) ids.push(parser.id);
  }
  return { ids, damaged: parser.crcErrors, afterMs };
}

describe('a line', () => {
  it('answers well without faults', () => {
    const { port } = busOf();
    expect(listen(port)).toMatchObject({ ids: [1], damaged: 0 });
  });

  it.each([
    ['line drop=1', { ids: [], damaged: 0 }],
    ['line corrupt=1', { ids: [], damaged: 1 }],
    ['line duplicate=1', { ids: [1, 1], damaged: 0 }],
    ['line wrongId=1', { ids: [2], damaged: 0 }],
  ])('%s', (command, expected) => {
    const { port, say } = busOf();
    say(command);
    expect(listen(port)).toMatchObject(expected);
    say('line');
    expect(listen(port)).toMatchObject({ ids: [1], damaged: 0 });
  });

  it('line delay=1 delayMs=40', () => {
    const { port, say } = busOf();
    const { afterMs } = listen(port);
    say('line delay=1 delayMs=40');
    expect(listen(port)).toMatchObject({ ids: [1], afterMs: afterMs + 40 });
  });

  it('suffers in the share of answers that is asked for', () => {
    const { port, say } = busOf();
    say('line drop=0.25');
    const answered = Array.from({ length: 400 }, () => listen(port).ids.length);
    const share = answered.filter((count) => count === 0).length / answered.length;
    expect(share).toBeGreaterThan(0.17);
    expect(share).toBeLessThan(0.33);
  });
});

describe('a servo', () => {
  const torque = (bus: ServoBus): number => bus.readUnsigned(1, ADDRESS.torqueEnable, 1);

  it.each([
    ['overload', HARDWARE_ERROR.overload, 0],
    ['overheat', HARDWARE_ERROR.overheating, 0],
    ['shock', HARDWARE_ERROR.electricalShock, 0],
    // Shutdown does not name it: an alert alone.
    ['undervoltage', HARDWARE_ERROR.inputVoltage, 1],
  ])('%s', (fault, error, torqueAfter) => {
    const { port, bus, say } = busOf();
    bus.write(1, ADDRESS.torqueEnable, 1, 1);
    say(`servo 1 ${fault}`);
    port.pass(10);
    expect(bus.ping(1).alert).toBe(true);
    expect(bus.ping(2).alert).toBe(false);
    expect(bus.readUnsigned(1, ADDRESS.hardwareErrorStatus, 1)).toBe(error);
    expect(torque(bus)).toBe(torqueAfter);
    say('servo 1 present');
    bus.reboot(1);
    port.pass(200);
    expect(bus.ping(1).alert).toBe(false);
    bus.write(1, ADDRESS.torqueEnable, 1, 1);
    expect(torque(bus)).toBe(1);
  });

  it('absent, present', () => {
    const { bus, say } = busOf();
    say('servo 1 absent');
    expect(() => bus.ping(1)).toThrow(NoAnswerError);
    bus.ping(2);
    say('servo 1 present');
    bus.ping(1);
  });
});

describe('a joint', () => {
  const position = (bus: ServoBus): number => bus.readSigned(1, ADDRESS.presentPosition, 4);

  it('hand: is held against its goal, and goes there when it is let go', () => {
    const { port, bus, say } = busOf();
    bus.write(1, ADDRESS.torqueEnable, 1, 1);
    say('hand 1 2100');
    bus.write(1, ADDRESS.goalPosition, 4, 2300);
    port.pass(500);
    expect(position(bus)).toBe(2100);
    say('hand 1 free');
    port.pass(1000);
    expect(Math.abs(position(bus) - 2300)).toBeLessThan(5);
  });

  it('stops: cannot leave a range', () => {
    const { port, bus, say } = busOf();
    bus.write(1, ADDRESS.torqueEnable, 1, 1);
    say('stops 1 1900 2200');
    bus.write(1, ADDRESS.goalPosition, 4, 2300);
    port.pass(500);
    expect(position(bus)).toBe(2200);
    say('stops 1 free');
    port.pass(1000);
    expect(Math.abs(position(bus) - 2300)).toBeLessThan(5);
  });
});
