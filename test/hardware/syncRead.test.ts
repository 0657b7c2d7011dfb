import { describe, expect, it } from 'vitest';
import { ServoBus } from '#alohad/hardware/dynamixel/bus.js';
import { ADDRESS } from '#alohad/hardware/dynamixel/controlTable.js';
import { MODELS } from '#alohad/hardware/dynamixel/models.js';
import { SyncRead } from '#alohad/hardware/dynamixel/syncRead.js';
import { SyncWrite } from '#alohad/hardware/dynamixel/syncWrite.js';
import type { LineFaults } from '#alohad/hardware/emulator/faults.js';
import { LoopPort } from './loopPort.js';

const IDS = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const BLOCK_BYTES = 10;

function arm(options: { faults?: LineFaults; fast?: boolean; baudRate?: number; latencyMs?: number } = {}) {
  const { faults, fast = false, ...timing } = options;
  const port = new LoopPort({
    servos: IDS.map((id) => ({
      model: MODELS['XM430-W350'],
      id,
      position: 1000 + id,
      eeprom: { [ADDRESS.returnDelayTime]: 0 },
    })),
    seed: 5,
    ...timing,
  });
  if (faults) port.line.apply({ kind: 'line', faults });
  const bus = new ServoBus(port, { slackMs: 2 });
  return { port, bus, read: new SyncRead(bus, ADDRESS.presentCurrent, BLOCK_BYTES, IDS, fast) };
}

const positions = (read: SyncRead): number[] =>
  IDS.map((_, n) => read.view.getInt32(n * BLOCK_BYTES + 6, true));
/** Long enough for any cycle [ms]. */
const LONG = 200;

describe.each([false, true])('a sync read (fast: %s)', (fast) => {
  it('reads every servo, and again', () => {
    const { port, read } = arm({ fast });
    for (let cycle = 0; cycle < 3; cycle++) {
      expect(read.run(port.nowMs() + LONG, 2)).toBe(9);
      expect([...read.valid]).toEqual(IDS.map(() => 1));
      expect(positions(read)).toEqual(IDS.map((id) => 1000 + id));
    }
  });

  it('shows an alert without losing the data', () => {
    const { port, read } = arm({ fast });
    port.line.apply({ kind: 'servo', id: 4, fault: 'overload' });
    expect(read.run(port.nowMs() + LONG, 2)).toBe(9);
    expect([...read.alert]).toEqual([0, 0, 0, 1, 0, 0, 0, 0, 0]);
    expect(positions(read)[3]).toBe(1004);
  });

  it('does without a servo that is gone, keeps its last data and says so', () => {
    const { port, bus, read } = arm({ fast });
    read.run(port.nowMs() + LONG, 2);
    const before = read.timeMs[2]!;
    port.line.apply({ kind: 'servo', id: 3, fault: 'absent' });
    port.pass(10);
    expect(read.run(port.nowMs() + 20, 2)).toBe(8);
    expect([...read.valid]).toEqual([1, 1, 0, 1, 1, 1, 1, 1, 1]);
    expect(read.timeMs[2]).toBe(before);
    expect(read.timeMs[3]).toBeGreaterThan(before);
    expect(bus.statistics.of(3)).toMatchObject({ asked: 3, answered: 1, timeouts: 2, retries: 1 });
  });

  it('gets through drops, damage and duplicates', () => {
    const { port, bus, read } = arm({
      fast,
      faults: { drop: 0.03, corrupt: 0.03, duplicate: 0.03 },
    });
    let answers = 0;
    for (let cycle = 0; cycle < 60; cycle++) {
      port.pass(20);
      answers += read.run(port.nowMs() + 8, 1);
      for (const [n, value] of positions(read).entries()) {
        if (read.timeMs[n] !== 0) expect(value).toBe(1001 + n);
      }
    }
    expect(answers).toBeGreaterThan(60 * 9 * 0.95);
    const retries = IDS.reduce((sum, id) => sum + bus.statistics.of(id).retries, 0);
    expect(retries).toBeGreaterThan(0);
    expect(bus.statistics.crcErrors).toBeGreaterThan(0);
  });

  it('never takes one servo for another that answers under its ID, and asks again', () => {
    const { port, bus, read } = arm({ fast, faults: { wrongId: 0.01 } });
    let answers = 0;
    for (let cycle = 0; cycle < 300; cycle++) {
      port.pass(20);
      answers += read.run(port.nowMs() + 8, 1);
      for (const [n, value] of positions(read).entries()) {
        if (read.timeMs[n] !== 0) expect(value).toBe(1001 + n);
      }
    }
    expect(answers).toBeGreaterThan(300 * 9 * 0.95);
    expect(IDS.reduce((sum, id) => sum + bus.statistics.of(id).retries, 0)).toBeGreaterThan(0);
  });
});

describe('the wire', () => {
  it.each([
    // Bytes of the table in facts/hardware.md, "blk": read of current, velocity and position, write of goals.
    [false, 23 + 189 + 59, 2.71],
    [true, 23 + 134 + 59, 2.16],
  ])('takes its time (fast: %s)', (fast, bytes, expectedMs) => {
    const { port, bus, read } = arm({ fast, baudRate: 1_000_000 });
    const write = new SyncWrite(bus, ADDRESS.goalPosition, 4, IDS);
    write.values.set(IDS.map((id) => 1000 + id));
    expect(write.wireBytes + read.wireBytes).toBe(bytes);
    let shortestMs = Infinity;
    for (let cycle = 0; cycle < 10; cycle++) {
      const beganMs = port.nowMs();
      write.send();
      expect(read.run(port.nowMs() + LONG, 20)).toBe(9);
      shortestMs = Math.min(shortestMs, port.nowMs() - beganMs);
    }
    expect(shortestMs).toBeCloseTo(expectedMs, 2);
  });

  it('waits for the latency timer of a USB adapter', () => {
    const { port, read } = arm({ baudRate: 1_000_000, latencyMs: 16 });
    const beganMs = port.nowMs();
    expect(read.run(port.nowMs() + LONG, 40)).toBe(9);
    expect(port.nowMs() - beganMs).toBeGreaterThan(16);
  });
});

it('values of all servos arrive', () => {
  const { port, bus } = arm();
  const write = new SyncWrite(bus, ADDRESS.profileVelocity, 4, IDS);
  write.values.set([0x7dff, 0x7fff, 0x00fd, 0, 1, 2, 3, 4, 5]);
  write.send();
  expect(port.line.servos.map((servo) => servo.memory.get(ADDRESS.profileVelocity))).toEqual([
    0x7dff, 0x7fff, 0x00fd, 0, 1, 2, 3, 4, 5,
  ]);
});
