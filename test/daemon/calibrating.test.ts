/** `alohad calibrate` on an emulator's pseudo-terminal: from the rig to the file that the rig then names. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { loadArmProfile } from '#alohad/config/armFiles.js';
import { loadCalibration } from '#alohad/config/calibrationFile.js';
import { defaultRig, type Rig } from '#alohad/config/rig.js';
import { Interrupted, RigError } from '#alohad/contract/errors.js';
import { calibrate } from '#alohad/daemon/calibrating.js';
import { armOfBus } from '#alohad/daemon/rigArms.js';
import { Emulator } from '#alohad/hardware/emulator/emulator.js';
import { CalibratingHand, SWEPT } from '../hardware/calibratingHand.js';

const folder = mkdtempSync(join(tmpdir(), 'alohad-calibrate-'));
afterAll(() => rmSync(folder, { recursive: true }));

const profile = loadArmProfile('wx250s');
const bus = { port: join(folder, 'port'), arm: 'wx250s', gripper: 'aloha' };
const rig: Rig = { ...defaultRig(), backend: 'emulated', buses: { leader_left: bus } };
const path = join(folder, 'leader_left.yaml');

it('is stopped, goes on, writes the file, and keeps the one before', async () => {
  const emulator = await Emulator.start([
    { name: 'arm', path: bus.port, arm: profile, wire: {}, gravity: false, seed: 1 },
  ]);
  const hand = (onTold: (text: string) => void = () => {}): CalibratingHand =>
    new CalibratingHand({
      profile,
      hold: (id, position) => emulator.apply('arm', { kind: 'hand', id, position }),
      moment: () => sleep(2),
      onTold,
    });
  const request = { rig, arm: 'leader_left', path, restart: false };
  try {
    const stop = new AbortController();
    const stopped = hand((text) => {
      if (text.startsWith('move forearm_roll')) stop.abort();
    });
    await expect(calibrate(request, stopped, stop.signal)).rejects.toThrow(Interrupted);
    expect(existsSync(path)).toBe(false);

    const never = new AbortController().signal;
    const goesOn = hand();
    const { calibration, previous } = await calibrate(request, goesOn, never);
    expect(goesOn.told[0]).toContain('done already: rest pose, waist, shoulder, elbow');
    expect(previous).toBeUndefined();
    expect(loadCalibration(path)).toEqual(calibration);
    expect(calibration.servos.find(({ name }) => name === 'elbow')).toMatchObject({
      minTick: SWEPT['elbow']![0],
      maxTick: 3094,
    });
    expect(armOfBus('leader_left', { ...bus, calibration: path }).profile.calibration?.arm).toBe(
      'leader_left',
    );

    const again = await calibrate(request, hand(), never);
    expect(loadCalibration(again.previous!)).toEqual(calibration);
    expect(readdirSync(folder).filter((name) => name.endsWith('.progress'))).toEqual([]);
  } finally {
    await emulator.close();
  }
}, 120_000);

it('starts an emulator of its own where none runs, and names a bus that the rig lacks', async () => {
  const stop = new AbortController();
  const told: string[] = [];
  const person = {
    tell: (text: string) => {
      told.push(text);
      if (text.includes('rest pose')) stop.abort();
    },
    show: () => {},
    confirms: () => false,
    moment: () => sleep(2),
  };
  const request = { rig, arm: 'leader_left', path: join(folder, 'other.yaml'), restart: true };
  await expect(calibrate(request, person, stop.signal)).rejects.toThrow(Interrupted);
  expect(told[0]).toContain('leader_left hand 1 2048');
  expect(existsSync(bus.port)).toBe(false);
  await expect(calibrate({ ...request, arm: 'leader_up' }, person, stop.signal)).rejects.toThrow(RigError);
});
