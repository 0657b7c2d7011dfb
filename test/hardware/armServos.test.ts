/** Torque on, torque off, and what comes before it, on an emulated line in emulated time. */
import { describe, expect, it } from 'vitest';
import { loadArmProfile } from '#alohad/config/armFiles.js';
import { ArmMismatchError, ArmServos } from '#alohad/hardware/arm/armServos.js';
import { ServoBus } from '#alohad/hardware/dynamixel/bus.js';
import { ADDRESS, MODE } from '#alohad/hardware/dynamixel/controlTable.js';
import { emulatedArm } from '#alohad/hardware/emulator/arm.js';
import { LoopPort } from './loopPort.js';

const profile = loadArmProfile('vx300s');
const WATCHDOG_MS = 200;
const servo = (id: number) => profile.servos.find((one) => one.id === id)!;

function bench() {
  const port = new LoopPort({ servos: emulatedArm(profile, false), baudRate: 1_000_000 });
  const bus = new ServoBus(port);
  const torque = (): number[] =>
    profile.servos
      .filter(({ id }) => bus.readUnsigned(id, ADDRESS.torqueEnable, 1) === 1)
      .map(({ id }) => id);
  return { port, bus, servos: new ArmServos(bus, profile), torque };
}
const ALL = profile.servos.map(({ id }) => id);

describe('an arm that becomes stiff', () => {
  it('has modes and limits first, torque then', () => {
    const { bus, servos, torque } = bench();
    bus.write(9, ADDRESS.operatingMode, 1, MODE.position);
    bus.write(9, ADDRESS.currentLimit, 2, 1000);
    servos.activate(WATCHDOG_MS);
    expect(torque()).toEqual(ALL);
    expect(bus.readUnsigned(9, ADDRESS.operatingMode, 1)).toBe(MODE.currentBasedPosition);
    expect(bus.readUnsigned(9, ADDRESS.currentLimit, 2)).toBe(200);
    expect(bus.readUnsigned(9, ADDRESS.goalCurrent, 2)).toBe(200);
  });

  it.each([1, 2, 9])('is not dropped for a setting: servo %i that is stiff is refused by name', (id) => {
    const { bus, servos, torque } = bench();
    bus.write(id, ADDRESS.operatingMode, 1, MODE.extendedPosition);
    // As another program has left it: everything stiff, one mode wrong, and another servo limp with a wrong limit.
    for (const other of ALL) bus.write(other, ADDRESS.torqueEnable, 1, 1);
    const before = torque();
    expect(() => servos.activate(WATCHDOG_MS)).toThrow(ArmMismatchError);
    expect(() => servos.activate(WATCHDOG_MS)).toThrow(
      `servo ${id} (${servo(id).name}) has Operating Mode 4 instead of ${servo(id).operatingMode}`,
    );
    expect(torque()).toEqual(before);
    expect(bus.readUnsigned(id, ADDRESS.operatingMode, 1)).toBe(MODE.extendedPosition);
  });

  it('is as stiff or limp as before when one servo cannot', () => {
    const { port, bus, servos, torque } = bench();
    bus.write(1, ADDRESS.torqueEnable, 1, 1);
    port.line.apply({ kind: 'servo', id: 7, fault: 'overload' });
    expect(() => servos.activate(WATCHDOG_MS)).toThrow('servo 7 (wrist_angle) on loop does not hold');
    expect(torque()).toEqual([1]);
  });

  it('is taken back to what it was', () => {
    const { bus, servos, torque } = bench();
    bus.write(4, ADDRESS.torqueEnable, 1, 1);
    servos.activate(WATCHDOG_MS);
    servos.deactivate();
    // Elbow and its shadow.
    expect(torque()).toEqual([4, 5]);
  });
});

describe('a servo that has shut down', () => {
  it.each([9, 2, 5])('%i is rebooted, set again, and holds where it stands in an arm that is stiff', (id) => {
    const { port, bus, servos, torque } = bench();
    servos.activate(WATCHDOG_MS);
    port.line.apply({ kind: 'servo', id, fault: 'overload' });
    port.pass(500); // Nobody drives: the other servos' watchdogs trip.
    expect(servos.failed().map((one) => [one.servo.id, one.error])).toEqual([[id, 'overload']]);
    expect(torque()).toEqual(ALL.filter((other) => other !== id));
    const position = (one: number): number => bus.readSigned(one, ADDRESS.presentPosition, 4);
    const before = ALL.map(position);
    expect(servos.reboot(servo(id))).toBe(true);
    port.pass(500);
    expect(servos.failed()).toEqual([]);
    expect(torque()).toEqual(ALL);
    for (const [n, other] of ALL.entries()) expect(Math.abs(position(other) - before[n]!)).toBeLessThan(3);
    expect(bus.readUnsigned(id, ADDRESS.operatingMode, 1)).toBe(servo(id).operatingMode);
    if (id === 9) expect(bus.readUnsigned(9, ADDRESS.goalCurrent, 2)).toBe(200);
    servos.verify();
    servos.activate(WATCHDOG_MS);
  });

  it('stays limp in an arm that is limp', () => {
    const { port, servos, torque } = bench();
    port.line.apply({ kind: 'servo', id: 9, fault: 'overheat' });
    expect(servos.reboot(servo(9))).toBe(false);
    expect(torque()).toEqual([]);
    expect(servos.failed()).toEqual([]);
  });
});
