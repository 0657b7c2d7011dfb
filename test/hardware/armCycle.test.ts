import { describe, expect, it } from 'vitest';
import { loadArmProfile } from '#alohad/config/armFiles.js';
import { ArmCycle, supportsFastRead, type ArmCycleOptions } from '#alohad/hardware/dynamixel/armCycle.js';
import { ServoBus } from '#alohad/hardware/dynamixel/bus.js';
import { ADDRESS, HARDWARE_ERROR } from '#alohad/hardware/dynamixel/controlTable.js';
import { emulatedArm } from '#alohad/hardware/emulator/arm.js';
import type { LineFaults } from '#alohad/hardware/emulator/faults.js';
import { LoopPort } from './loopPort.js';

const PROFILE = loadArmProfile('vx300s');
const SERVOS = PROFILE.servos.map(({ id }) => id);
const JOINTS = PROFILE.servos.filter(({ shadowOf }) => shadowOf === undefined).map(({ id }) => id);
const TICK_MS = 20;
const DEADLINE_MS = 8;

function arm(options: ArmCycleOptions & { faults?: LineFaults; firmware?: number } = {}) {
  const { faults, firmware, ...cycleOptions } = options;
  const servos = emulatedArm(PROFILE).map((servo) => ({
    ...servo,
    ...(firmware !== undefined && { firmware }),
  }));
  const port = new LoopPort({ servos, baudRate: 1_000_000, seed: 3 });
  const bus = new ServoBus(port, { slackMs: 4 });
  if (faults) port.line.apply({ kind: 'line', faults });
  const cycle = new ArmCycle(bus, JOINTS, SERVOS, { slackMs: 1, ...cycleOptions });
  const tick = (sendGoals = false): number => {
    const beganMs = port.nowMs();
    const count = cycle.run(beganMs + DEADLINE_MS, sendGoals);
    expect(port.nowMs() - beganMs).toBeLessThanOrEqual(DEADLINE_MS + 0.01);
    port.pass(TICK_MS - (port.nowMs() - beganMs));
    return count;
  };
  return { port, bus, cycle, tick };
}

describe('the cycle of an arm', () => {
  it('moves joints and their shadows together, in the time of the table', () => {
    const { port, bus, cycle, tick } = arm({ healthEvery: 0 });
    expect(cycle.oldestMs(port.nowMs())).toBe(Infinity);
    expect(tick()).toBe(7);
    for (const id of SERVOS) bus.write(id, ADDRESS.torqueEnable, 1, 1);
    cycle.goals.set(cycle.positions);
    const start = [...cycle.positions];
    for (let n = 0; n < 100; n++) {
      for (const [joint, from] of start.entries())
        cycle.goals[joint] = Math.round(from + (2048 - from) * Math.min(1, n / 50));
      tick(true);
    }
    for (const position of cycle.positions) expect(Math.abs(position - 2048)).toBeLessThan(60);
    const pairs = PROFILE.servos.filter(({ shadowOf }) => shadowOf !== undefined);
    for (const { id, shadowOf } of pairs) {
      const [a, b] = [id, shadowOf!].map((servo) => bus.readSigned(servo, ADDRESS.presentPosition, 4));
      expect(Math.abs(a! - b!)).toBeLessThan(5);
    }
    const beganMs = port.nowMs();
    cycle.run(beganMs + DEADLINE_MS, true);
    // 14 + 7 x 5 bytes of goals, 14 + 7 asked, 7 x 21 answered, at 10 us each.
    expect(port.nowMs() - beganMs).toBeCloseTo(2.17, 2);
  });

  it('looks at one servo after the other, shadows too, and names an error that only a shadow has', () => {
    const { port, cycle, tick } = arm({ healthEvery: 2 });
    port.line.apply({ kind: 'servo', id: 3, fault: 'overheat' });
    for (let n = 0; n < 2 * SERVOS.length; n++) tick();
    expect(cycle.health.map(({ id }) => id)).toEqual(SERVOS);
    for (const { voltageV, temperatureC, timeMs } of cycle.health) {
      expect([voltageV, temperatureC]).toEqual([12, 25]);
      expect(timeMs).toBeGreaterThan(0);
    }
    expect(cycle.health.filter(({ hardwareError }) => hardwareError !== 0)).toEqual([
      expect.objectContaining({ id: 3, hardwareError: HARDWARE_ERROR.overheating }),
    ]);
    expect([...cycle.alert]).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });

  it('says how old a joint is whose servo is silent, and goes on with the others', () => {
    const { port, cycle, tick } = arm({ healthEvery: 0 });
    tick();
    port.line.apply({ kind: 'servo', id: 8, fault: 'absent' });
    for (let n = 0; n < 5; n++) expect(tick()).toBe(6);
    expect([...cycle.valid]).toEqual([1, 1, 1, 1, 1, 0, 1]);
    expect(cycle.oldestMs(port.nowMs())).toBeGreaterThan(5 * TICK_MS);
    expect(cycle.positions[5]).toBe(2048);
  });

  it.each([false, true])('keeps every joint fresh through 2 %% drops and 2 %% damage (fast: %s)', (fast) => {
    const { port, cycle, tick } = arm({ fast, faults: { drop: 0.02, corrupt: 0.02 } });
    let oldestMs = 0;
    let complete = 0;
    for (let n = 0; n < 500; n++) {
      if (tick() === JOINTS.length) complete++;
      if (n > 0) oldestMs = Math.max(oldestMs, cycle.oldestMs(port.nowMs()));
    }
    // Without the second question a third of all cycles would be partial.
    expect(complete).toBeGreaterThan(480);
    expect(oldestMs).toBeLessThan(100);
  });

  it('uses fast reads only where every servo knows them', () => {
    const modern = arm();
    expect(supportsFastRead(modern.bus, JOINTS)).toBe(true);
    const old = arm({ firmware: 44 });
    expect(supportsFastRead(old.bus, JOINTS)).toBe(false);
    expect(old.tick()).toBe(7);
  });
});
