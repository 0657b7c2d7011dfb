import { afterAll, beforeAll, describe } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadArmProfile } from '#alohad/config/armFiles.js';
import { Emulator } from '#alohad/hardware/emulator/emulator.js';
import { describeBusContract } from './busContract.js';

describe.each(['vx300s', 'wx250s'])('%s', (name) => {
  const folder = mkdtempSync(join(tmpdir(), 'alohad-bus-'));
  const path = join(folder, 'ttyDXL');
  const arm = loadArmProfile(name);
  let emulator: Emulator;
  beforeAll(async () => {
    emulator = await Emulator.start([{ name: 'arm', path, arm, wire: {}, seed: 1 }]);
  });
  afterAll(async () => {
    await emulator.close();
    rmSync(folder, { recursive: true });
  });
  describeBusContract('an emulated bus behind a pseudo-terminal', () => ({ path, baudRate: arm.baudRate }));
});

// A robot on the desk: ALOHAD_TEST_PORT=/dev/ttyDXL_follower_left npx vitest run test/contract-suites/bus.test.ts
const real = process.env['ALOHAD_TEST_PORT'];
if (real !== undefined) {
  describeBusContract(`the real bus ${real}`, () => ({
    path: real,
    baudRate: Number(process.env['ALOHAD_TEST_BAUD'] ?? 1_000_000),
  }));
}
