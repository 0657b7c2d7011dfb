import { describe, expect, it } from 'vitest';
import { ServoBus } from '#alohad/hardware/dynamixel/bus.js';
import { NoAnswerError, ServoRefusedError } from '#alohad/hardware/dynamixel/busErrors.js';
import { ADDRESS, HARDWARE_ERROR, MODE } from '#alohad/hardware/dynamixel/controlTable.js';
import { MODELS, type ModelName } from '#alohad/hardware/dynamixel/models.js';
import { STATUS_ERROR } from '#alohad/hardware/dynamixel/packet.js';
import type { ServoSettings } from '#alohad/hardware/emulator/servo.js';
import { LoopPort } from './loopPort.js';

const XM430 = MODELS['XM430-W350'];

function busOf(...servos: Partial<ServoSettings>[]) {
  const port = new LoopPort({
    servos: servos.map((servo, n) => ({ model: XM430, id: n + 1, ...servo })),
  });
  return { port, bus: new ServoBus(port, { slackMs: 2 }) };
}

/** The error number with which the servo refuses. */
function refusal(act: () => unknown): number {
  try {
    act();
  } catch (error) {
    if (error instanceof ServoRefusedError) return error.error;
    throw error;
  }
  return STATUS_ERROR.none;
}

const position = (bus: ServoBus, id = 1): number => bus.readSigned(id, ADDRESS.presentPosition, 4);
const torque = (bus: ServoBus, value: 0 | 1, id = 1): void => bus.write(id, ADDRESS.torqueEnable, 1, value);

describe('a servo refuses', () => {
  it('writes to the EEPROM area while torque is on', () => {
    const { bus } = busOf({});
    torque(bus, 1);
    expect(refusal(() => bus.write(1, ADDRESS.id, 1, 9))).toBe(STATUS_ERROR.access);
    torque(bus, 0);
    bus.write(1, ADDRESS.id, 1, 9);
    expect(bus.ping(9).modelNumber).toBe(1020);
    expect(() => bus.ping(1)).toThrow(NoAnswerError);
  });

  it('what no register can hold, what limits forbid, parts of registers, read-only and unknown ones', () => {
    const { bus } = busOf({ eeprom: { [ADDRESS.maxPositionLimit]: 3000, [ADDRESS.currentLimit]: 200 } });
    expect(refusal(() => bus.write(1, ADDRESS.torqueEnable, 1, 2))).toBe(STATUS_ERROR.dataRange);
    expect(refusal(() => bus.write(1, ADDRESS.goalPosition, 4, 3001))).toBe(STATUS_ERROR.dataLimit);
    expect(refusal(() => bus.write(1, ADDRESS.goalCurrent, 2, 201))).toBe(STATUS_ERROR.dataLimit);
    expect(refusal(() => bus.write(1, ADDRESS.goalPosition, 2, 100))).toBe(STATUS_ERROR.dataLength);
    expect(refusal(() => bus.write(1, ADDRESS.presentPosition, 4, 100))).toBe(STATUS_ERROR.access);
    expect(refusal(() => bus.read(1, 15, 1))).toBe(STATUS_ERROR.access);
    bus.write(1, ADDRESS.goalPosition, 4, 3000);
  });

  it.each<[ModelName, number[]]>([
    ['XM540-W270', [0, 1, 3, 4, 5, 16]],
    ['XM430-W350', [0, 1, 3, 4, 5, 16]],
    ['XL430-W250', [1, 3, 4, 16]],
    ['XC430-W150', [1, 3, 4, 16]],
  ])('modes that a %s does not have', (name, modes) => {
    const { bus } = busOf({ model: MODELS[name] });
    const accepted = Array.from({ length: 17 }, (_, mode) => mode).filter(
      (mode) => refusal(() => bus.write(1, ADDRESS.operatingMode, 1, mode)) === STATUS_ERROR.none,
    );
    expect(accepted).toEqual(modes);
    expect(bus.ping(1).modelNumber).toBe(MODELS[name].number);
  });

  it('an action that nothing was registered for', () => {
    const { bus } = busOf({});
    expect(refusal(() => bus.action(1))).toBe(STATUS_ERROR.instruction);
    bus.regWrite(1, ADDRESS.led, 1, 1);
    expect(bus.readUnsigned(1, ADDRESS.led, 1)).toBe(0);
    bus.action(1);
    expect(bus.readUnsigned(1, ADDRESS.led, 1)).toBe(1);
  });
});

describe('a servo moves', () => {
  it('to its goal, and only with torque', () => {
    const { port, bus } = busOf({});
    bus.write(1, ADDRESS.goalPosition, 4, 1000);
    port.pass(1000);
    expect(position(bus)).toBe(2048);
    torque(bus, 1);
    port.pass(1000);
    expect(position(bus)).toBe(2048);
    bus.write(1, ADDRESS.goalPosition, 4, 1000);
    port.pass(1500);
    expect(Math.abs(position(bus) - 1000)).toBeLessThan(10);
  });

  it('in a trapezoid: not faster than its profile, and in the time that follows from it', () => {
    const { port, bus } = busOf({});
    torque(bus, 1);
    bus.write(1, ADDRESS.profileVelocity, 4, 50);
    bus.write(1, ADDRESS.profileAcceleration, 4, 10);
    bus.write(1, ADDRESS.goalPosition, 4, 3048);
    let fastest = 0;
    let elapsedMs = 0;
    for (; elapsedMs < 5000 && Math.abs(position(bus) - 3048) > 10; elapsedMs += 20) {
      port.pass(20);
      fastest = Math.max(fastest, bus.readSigned(1, ADDRESS.presentVelocity, 4));
    }
    expect(fastest).toBeGreaterThan(40);
    expect(fastest).toBeLessThan(60);
    // 1000 ticks at 50 x 0.229 rev/min = 781 tick/s, and a ramp of 64 x 50 / 10 ms (e-manual, Profile Velocity).
    expect(elapsedMs).toBeGreaterThan(1400);
    expect(elapsedMs).toBeLessThan(1900);
  });

  it('mirrored in reverse mode, shifted by its homing offset', () => {
    const { port, bus } = busOf({
      position: 2148,
      eeprom: { [ADDRESS.driveMode]: 1, [ADDRESS.homingOffset]: 10 },
    });
    expect(position(bus)).toBe(4096 - 2148 + 10);
    torque(bus, 1);
    bus.write(1, ADDRESS.goalPosition, 4, 2500);
    port.pass(1500);
    expect(Math.abs(position(bus) - 2500)).toBeLessThan(10);
    expect(Math.abs(port.line.servos[0]!.motor.position - (4096 - 2490))).toBeLessThan(10);
  });

  it('and ignores a homing offset beyond a quarter turn in position mode', () => {
    const { bus } = busOf({ eeprom: { [ADDRESS.homingOffset]: 1500 } });
    expect(position(bus)).toBe(2048);
    bus.write(1, ADDRESS.operatingMode, 1, MODE.extendedPosition);
    expect(position(bus)).toBe(2048 + 1500);
  });

  it('over several turns, until they are cleared', () => {
    const { port, bus } = busOf({ eeprom: { [ADDRESS.operatingMode]: MODE.extendedPosition } });
    torque(bus, 1);
    bus.write(1, ADDRESS.goalPosition, 4, -6000);
    port.pass(200);
    expect(refusal(() => bus.clearMultiTurn(1))).toBe(STATUS_ERROR.resultFail);
    port.pass(5000);
    expect(Math.abs(position(bus) + 6000)).toBeLessThan(10);
    bus.clearMultiTurn(1);
    expect(Math.abs(position(bus) - (8192 - 6000))).toBeLessThan(10);
  });

  it('with no more current than its goal current in current-based position mode', () => {
    const { port, bus } = busOf({
      eeprom: { [ADDRESS.operatingMode]: MODE.currentBasedPosition, [ADDRESS.currentLimit]: 200 },
    });
    torque(bus, 1);
    expect(bus.readSigned(1, ADDRESS.goalCurrent, 2)).toBe(200);
    port.line.servos[0]!.surroundings.hand = 2048;
    bus.write(1, ADDRESS.goalPosition, 4, 4000);
    port.pass(3000);
    expect(bus.readSigned(1, ADDRESS.presentCurrent, 2)).toBe(200);
    expect(bus.ping(1).alert).toBe(false);
  });

  it('at a velocity, at a current, at a duty', () => {
    const { port, bus } = busOf({});
    for (const [mode, goal, size, value] of [
      [MODE.velocity, ADDRESS.goalVelocity, 4, 60],
      [MODE.pwm, ADDRESS.goalPwm, 2, 400],
      [MODE.current, ADDRESS.goalCurrent, 2, 200],
    ] as const) {
      torque(bus, 0);
      bus.write(1, ADDRESS.operatingMode, 1, mode);
      torque(bus, 1);
      bus.write(1, goal, size, value);
      port.pass(500);
      expect(bus.readSigned(1, ADDRESS.presentVelocity, 4)).toBeGreaterThan(40);
      if (mode === MODE.velocity) expect(bus.readSigned(1, ADDRESS.presentVelocity, 4)).toBeLessThan(75);
    }
  });

  it('down when limp under a load, and sags a little when stiff', () => {
    const { port, bus } = busOf({ load: () => 1 });
    const start = position(bus);
    torque(bus, 1);
    port.pass(500);
    const sag = position(bus) - start;
    expect(sag).toBeGreaterThan(5);
    expect(sag).toBeLessThan(60);
    torque(bus, 0);
    port.pass(300);
    expect(position(bus)).toBeGreaterThan(start + 100);
  });
});

describe('a servo protects itself', () => {
  it('from a sustained stall: torque off, alert on valid data, until a reboot', () => {
    const { port, bus } = busOf({});
    torque(bus, 1);
    port.line.servos[0]!.surroundings.hand = 2048;
    bus.write(1, ADDRESS.goalPosition, 4, 4000);
    port.pass(500);
    expect(bus.ping(1).alert).toBe(false);
    port.pass(1000);
    expect(bus.ping(1).alert).toBe(true);
    expect(bus.readUnsigned(1, ADDRESS.hardwareErrorStatus, 1)).toBe(HARDWARE_ERROR.overload);
    expect(bus.readUnsigned(1, ADDRESS.torqueEnable, 1)).toBe(0);
    expect(position(bus)).toBe(2048);
    torque(bus, 1);
    expect(bus.readUnsigned(1, ADDRESS.torqueEnable, 1)).toBe(0);
    bus.reboot(1);
    port.pass(200);
    torque(bus, 1);
    expect([bus.ping(1).alert, bus.readUnsigned(1, ADDRESS.torqueEnable, 1)]).toEqual([false, 1]);
  });

  it('from low voltage by an alert alone, as Shutdown does not name it', () => {
    const { port, bus } = busOf({});
    torque(bus, 1);
    port.line.apply({ kind: 'servo', id: 1, fault: 'undervoltage' });
    port.pass(10);
    expect(bus.readUnsigned(1, ADDRESS.presentInputVoltage, 2)).toBe(80);
    expect(bus.readUnsigned(1, ADDRESS.hardwareErrorStatus, 1)).toBe(HARDWARE_ERROR.inputVoltage);
    expect(bus.readUnsigned(1, ADDRESS.torqueEnable, 1)).toBe(1);
  });

  it('from a silent bus: it stops with torque on, and takes goals again once the watchdog is cleared', () => {
    const { port, bus } = busOf({});
    torque(bus, 1);
    bus.write(1, ADDRESS.busWatchdog, 1, 5);
    bus.write(1, ADDRESS.goalPosition, 4, 4000);
    port.pass(90);
    expect(bus.readSigned(1, ADDRESS.busWatchdog, 1)).toBe(5); // Any instruction keeps it quiet, this one too.
    port.pass(150);
    port.pass(300);
    const stopped = position(bus);
    expect(stopped).toBeLessThan(3200);
    expect(bus.readSigned(1, ADDRESS.busWatchdog, 1)).toBe(-1);
    expect(bus.readUnsigned(1, ADDRESS.torqueEnable, 1)).toBe(1);
    expect(refusal(() => bus.write(1, ADDRESS.goalPosition, 4, 4000))).toBe(STATUS_ERROR.dataRange);
    port.pass(500);
    expect(Math.abs(position(bus) - stopped)).toBeLessThan(3);
    bus.write(1, ADDRESS.busWatchdog, 1, 0);
    bus.write(1, ADDRESS.goalPosition, 4, 4000);
    port.pass(2000);
    expect(Math.abs(position(bus) - 4000)).toBeLessThan(10);
  });
});

describe('a servo answers', () => {
  it('to its own ID only; its shadow obeys without a word, and not in the EEPROM area', () => {
    const { bus } = busOf({}, { eeprom: { [ADDRESS.secondaryId]: 1 } });
    torque(bus, 1, 1);
    expect(bus.readUnsigned(2, ADDRESS.torqueEnable, 1)).toBe(1);
    expect(bus.statistics.of(1)).toMatchObject({ asked: 1, answered: 1 });
    bus.write(1, ADDRESS.torqueEnable, 1, 0);
    bus.write(1, ADDRESS.returnDelayTime, 1, 7);
    expect(bus.readUnsigned(2, ADDRESS.returnDelayTime, 1)).toBe(250);
  });

  it('as its return level allows', () => {
    const { bus } = busOf({});
    bus.write(1, ADDRESS.statusReturnLevel, 1, 1);
    expect(() => bus.write(1, ADDRESS.led, 1, 1)).toThrow(NoAnswerError);
    expect(bus.readUnsigned(1, ADDRESS.led, 1)).toBe(1);
  });

  it('through indirect addresses, with the rules of what they point at', () => {
    const { bus } = busOf({});
    const from = [ADDRESS.hardwareErrorStatus, ADDRESS.presentTemperature, ADDRESS.led, ADDRESS.id];
    for (const [n, address] of from.slice(0, 3).entries()) {
      bus.write(1, ADDRESS.indirectAddress1 + 2 * n, 2, address);
    }
    expect(refusal(() => bus.write(1, ADDRESS.indirectAddress1, 2, ADDRESS.id))).toBe(STATUS_ERROR.dataRange);
    bus.write(1, ADDRESS.indirectData1 + 2, 1, 1);
    expect([...bus.read(1, ADDRESS.indirectData1, 3)]).toEqual([0, 25, 1]);
    expect(bus.readUnsigned(1, ADDRESS.led, 1)).toBe(1);
    expect(refusal(() => bus.write(1, ADDRESS.indirectData1, 1, 0))).toBe(STATUS_ERROR.access);
  });

  it('after a factory reset under the ID and rate that the reset leaves it', () => {
    const { port, bus } = busOf({ id: 7, eeprom: { [ADDRESS.baudRate]: 3 } });
    bus.factoryReset(7, 'all but ID');
    port.pass(200);
    expect(bus.readUnsigned(7, ADDRESS.baudRate, 1)).toBe(1);
    bus.factoryReset(7, 'all');
    port.pass(200);
    expect(bus.ping(1).firmware).toBe(46);
  });

  it('to everyone at once in the order of the IDs', () => {
    const { bus } = busOf({ id: 5 }, { id: 2, model: MODELS['XL430-W250'] }, { id: 200 });
    expect(bus.broadcastPing(50).map(({ id, modelNumber }) => [id, modelNumber])).toEqual([
      [2, 1060],
      [5, 1020],
      [200, 1020],
    ]);
  });

  it('to bulk reads and writes', () => {
    const { bus } = busOf({}, {});
    bus.bulkWrite([
      { id: 1, address: ADDRESS.led, data: Uint8Array.of(1) },
      { id: 2, address: ADDRESS.profileVelocity, data: Uint8Array.of(44, 1, 0, 0) },
    ]);
    const answers = bus.bulkRead([
      { id: 1, address: ADDRESS.led, length: 1 },
      { id: 2, address: ADDRESS.profileVelocity, length: 4 },
      { id: 3, address: ADDRESS.led, length: 1 },
    ]);
    expect(answers).toEqual([Uint8Array.of(1), Uint8Array.of(44, 1, 0, 0), undefined]);
  });
});
