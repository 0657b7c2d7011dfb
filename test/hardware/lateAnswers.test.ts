/** Servos on a busy machine answer after their question was asked again. */
import { expect, it } from 'vitest';
import { loadArmProfile } from '#alohad/config/armFiles.js';
import { ServoBus } from '#alohad/hardware/dynamixel/bus.js';
import { ADDRESS } from '#alohad/hardware/dynamixel/controlTable.js';
import { emulatedArm } from '#alohad/hardware/emulator/arm.js';
import { LoopPort } from './loopPort.js';

it('an answer that comes after its question was asked again is not taken for the answer to the next question', () => {
  const port = new LoopPort({ servos: emulatedArm(loadArmProfile('vx300s')), baudRate: 1_000_000, seed: 5 });
  const bus = new ServoBus(port, { slackMs: 30 });
  port.line.apply({ kind: 'line', faults: { delay: 0.4, delayMs: 100 } });
  for (let round = 0; round < 100; round++) {
    expect(bus.readUnsigned(2, ADDRESS.driveMode, 1)).toBe(1);
    expect(bus.readUnsigned(2, ADDRESS.secondaryId, 1)).toBe(255);
    expect(bus.readUnsigned(2, ADDRESS.returnDelayTime, 1)).toBe(0);
  }
  expect(bus.statistics.of(2).retries).toBeGreaterThan(50);
});
