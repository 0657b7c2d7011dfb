/** The calibration of a physical arm: its file, and the arm on the bus held against it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { loadArmProfile, loadGripper } from '#alohad/config/armFiles.js';
import { loadCalibration, writeCalibration } from '#alohad/config/calibrationFile.js';
import { loadRig } from '#alohad/config/rig.js';
import type { ArmCalibration } from '#alohad/contract/arm.js';
import { RigError, StorageError } from '#alohad/contract/errors.js';
import { armOfBus } from '#alohad/daemon/rigArms.js';
import { calibratedArm } from '#alohad/hardware/arm/calibratedArm.js';
import { ArmMismatchError, ArmServos } from '#alohad/hardware/arm/armServos.js';
import { JointSpace } from '#alohad/hardware/arm/jointSpace.js';
import { ServoBus } from '#alohad/hardware/dynamixel/bus.js';
import { emulatedArm } from '#alohad/hardware/emulator/arm.js';
import { LoopPort } from './loopPort.js';

const folder = mkdtempSync(join(tmpdir(), 'alohad-calibration-'));
afterEach(() => readdirSync(folder).forEach((name) => rmSync(join(folder, name))));
afterAll(() => rmSync(folder, { recursive: true }));

const plain = { profile: loadArmProfile('vx300s'), gripper: loadGripper('aloha', 'follower') };
const calibration: ArmCalibration = {
  arm: 'follower_left',
  profile: 'vx300s',
  date: '2026-11-26T12:00:00.000Z',
  gripper: { open: 1.4, close: -0.5 },
  servos: plain.profile.servos.map(({ name, id, model, driveMode, minTick, maxTick }) => ({
    name,
    id,
    model,
    driveMode,
    firmware: 46,
    homingOffset: id === 3 ? 25 : 0,
    minTick: minTick + 10,
    maxTick: maxTick - 10,
  })),
};

describe('the file', () => {
  const path = join(folder, 'left.yaml');

  it('is read as it was written, and the one before is kept', () => {
    expect(writeCalibration(path, calibration)).toBeUndefined();
    const kept = writeCalibration(path, { ...calibration, date: '2026-11-27T12:00:00.000Z', adapter: 'FT1' });
    expect(kept).toBe(join(folder, 'left.2026-11-26T12-00-00.000Z.yaml'));
    expect(loadCalibration(kept!)).toEqual(calibration);
    expect(loadCalibration(path)).toMatchObject({ adapter: 'FT1', date: '2026-11-27T12:00:00.000Z' });
    expect(readdirSync(folder)).toHaveLength(2);
  });

  it('is as before when it cannot be written', () => {
    writeFileSync(path, 'not: a calibration\n');
    expect(() => writeCalibration(join(path, 'below.yaml'), calibration)).toThrow(StorageError);
    expect(readFileSync(path, 'utf8')).toBe('not: a calibration\n');
    expect(() => loadCalibration(path)).toThrow(RigError);
  });

  it('is named by a rig, relative to it', () => {
    writeCalibration(path, calibration);
    const rig = join(folder, 'rig.yaml');
    const bus = (more: string): void =>
      writeFileSync(rig, `buses: { follower_left: { port: /dev/a, arm: ${more} } }`);
    bus('vx300s, calibration: left.yaml');
    expect(armOfBus('follower_left', loadRig(rig).buses['follower_left']!)).toEqual(
      calibratedArm(plain, calibration),
    );
    bus('wx250s, calibration: left.yaml');
    expect(() => armOfBus('follower_left', loadRig(rig).buses['follower_left']!)).toThrow(
      'is of a vx300s, and the rig says wx250s',
    );
    bus('vx300s, gripper: interbotix');
    expect(armOfBus('follower_left', loadRig(rig).buses['follower_left']!).gripper).toEqual(
      loadGripper('interbotix', 'follower'),
    );
  });
});

it('a calibrated arm has the measured range, and its gripper is 0 and 1 at the measured ends', () => {
  const { profile, gripper } = calibratedArm(plain, calibration);
  const space = new JointSpace(profile, gripper);
  expect(space.toTick(1, -3)).toBe(851);
  for (const end of [0, 1]) expect(space.position(6, space.toTick(6, end))).toBeCloseTo(end, 2);
  expect(space.toTick(6, 1)).toBe(Math.round(2048 + (1.4 / (2 * Math.PI)) * 4096));
});

describe('the arm on the bus', () => {
  const { profile } = calibratedArm(plain, calibration);
  const verify = (servos = emulatedArm(profile)): void =>
    new ArmServos(new ServoBus(new LoopPort({ servos, baudRate: 1_000_000 })), profile).verify();

  it('is accepted when it is as the file says', () => {
    verify();
  });

  it('is refused with the servo and what to do, when it is another', () => {
    const servos = emulatedArm(profile).map((servo) => (servo.id === 7 ? { ...servo, firmware: 47 } : servo));
    expect(() => verify(servos)).toThrow(ArmMismatchError);
    expect(() => verify(servos)).toThrow(
      /7 wrist_angle: has firmware 47, its calibration \(2026-11-26T12:00:00.000Z\) found 46: .*run alohad calibrate for follower_left/,
    );
    expect(() => verify(emulatedArm(plain.profile))).toThrow(
      /3 shoulder_shadow: Homing Offset 0, its calibration .* says 25/,
    );
  });
});
