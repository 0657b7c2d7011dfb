import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadArmProfile } from '#alohad/config/armFiles.js';
import { ServoBus } from '#alohad/hardware/dynamixel/bus.js';
import { NoAnswerError } from '#alohad/hardware/dynamixel/busErrors.js';
import { Emulator, EmulatorError } from '#alohad/hardware/emulator/emulator.js';
import { parseFaultCommand } from '#alohad/hardware/emulator/faultCommand.js';
import { PortError } from '#alohad/hardware/port.js';
import { SerialPort } from '#alohad/hardware/serialPort.js';

const folder = mkdtempSync(join(tmpdir(), 'alohad-terminal-'));
const path = join(folder, 'ttyDXL');
let emulator: Emulator;

beforeAll(async () => {
  const arm = loadArmProfile('vx300s');
  emulator = await Emulator.start([{ name: 'arm', path, arm, wire: {}, seed: 1 }]);
});
afterAll(async () => {
  await emulator.close();
  expect(existsSync(path)).toBe(false);
  rmSync(folder, { recursive: true });
});

/** Waits for what the emulator's thread does in its own time. */
async function until(condition: () => boolean): Promise<void> {
  for (let wait = 0; !condition() && wait < 500; wait++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}

describe('a serial port', () => {
  it('belongs to one program at a time, and says so', async () => {
    const port = await SerialPort.open(path, 1_000_000);
    await expect(SerialPort.open(path, 1_000_000)).rejects.toThrow('another program uses it');
    port.close();
    const again = await SerialPort.open(path, 1_000_000);
    again.close();
  });

  it('that does not exist is named', async () => {
    await expect(SerialPort.open(join(folder, 'nothing'), 1_000_000)).rejects.toThrow(
      'there is no such device',
    );
  });

  it('at another rate than the servos hears nothing', async () => {
    const port = await SerialPort.open(path, 57_600);
    const bus = new ServoBus(port, { slackMs: 20 });
    expect(() => bus.ping(1)).toThrow(NoAnswerError);
    port.close();
  });

  it('that is unplugged throws, and works again when it is back', async () => {
    const port = await SerialPort.open(path, 1_000_000);
    const bus = new ServoBus(port, { slackMs: 1000 });
    bus.ping(1);
    emulator.apply('arm', { kind: 'unplug' });
    await until(() => !existsSync(path));
    expect(() => bus.ping(1)).toThrow(PortError);
    expect(() => bus.ping(1)).toThrow(path);
    port.close();
    emulator.apply('arm', { kind: 'replug' });
    await until(() => existsSync(path));
    const back = await SerialPort.open(path, 1_000_000);
    expect(new ServoBus(back, { slackMs: 1000 }).ping(9).modelNumber).toBe(1020);
    back.close();
  });
});

describe('the control channel', () => {
  it('understands what its grammar says', () => {
    expect(parseFaultCommand('left servo 9 overload').command).toEqual({
      kind: 'servo',
      id: 9,
      fault: 'overload',
    });
    expect(parseFaultCommand(' left  hand 1 2048 ').command).toEqual({ kind: 'hand', id: 1, position: 2048 });
    expect(parseFaultCommand('left hand 1 free').command).toEqual({ kind: 'hand', id: 1, position: null });
    expect(parseFaultCommand('left stops 9 1500 2500').command).toEqual({
      kind: 'stops',
      id: 9,
      range: [1500, 2500],
    });
    expect(parseFaultCommand('left line drop=0.02 delayMs=5')).toEqual({
      bus: 'left',
      command: { kind: 'line', faults: { drop: 0.02, delayMs: 5 } },
    });
  });

  it.each(['', 'left', 'left servo 9 sneeze', 'left hand x 1', 'left line fog=1', 'left line drop='])(
    'refuses "%s"',
    (line) => {
      expect(() => parseFaultCommand(line)).toThrow(/is no command|is no fault|is not a number/);
    },
  );

  it('knows the names of the buses', () => {
    expect(() => emulator.apply('tail', { kind: 'unplug' })).toThrow(EmulatorError);
    expect(() => emulator.apply('tail', { kind: 'unplug' })).toThrow('there are arm');
  });
});
