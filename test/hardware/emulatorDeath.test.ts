/** A plant that fails takes the emulator with it: ports go away, and the reason is told. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { loadArmProfile, loadGripper } from '#alohad/config/armFiles.js';
import { Emulator, EmulatorError } from '#alohad/hardware/emulator/emulator.js';

const folder = mkdtempSync(join(tmpdir(), 'alohad-death-'));
const path = join(folder, 'ttyDXL');
afterAll(() => rmSync(folder, { recursive: true }));

/** Starts an arm that a plant of this source moves. */
async function start(step: string, create = ''): Promise<Emulator> {
  const module = join(folder, `plant-${Math.random()}.mjs`);
  writeFileSync(
    module,
    `export async function createPlant() {
      ${create}
      const zeros = () => new Float64Array(7);
      return { stepMs: 2, position: zeros(), velocity: zeros(), effort: zeros(), step() { ${step} }, obey() {} };
    }`,
  );
  return await Emulator.start([{ name: 'arm', path, arm: loadArmProfile('vx300s'), wire: {}, seed: 0 }], {
    plant: {
      module: pathToFileURL(module).href,
      options: undefined,
      arms: [{ bus: 'arm', gripper: loadGripper('aloha', 'follower') }],
    },
  });
}

it('in mid-motion', async () => {
  const emulator = await start('throw new Error("the physics ran away")');
  expect(await emulator.died).toBeInstanceOf(EmulatorError);
  await expect(emulator.close()).rejects.toThrow('the emulator died: Error: the physics ran away');
  expect(existsSync(path)).toBe(false);
});

it('at the start', async () => {
  await expect(start('', 'throw new Error("no such scene")')).rejects.toThrow(
    'the emulator does not start: Error: no such scene',
  );
  expect(existsSync(path)).toBe(false);
});

it('not when it is closed', async () => {
  const emulator = await start('');
  await emulator.close();
  await emulator.close();
  expect(existsSync(path)).toBe(false);
});
