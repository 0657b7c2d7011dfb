/** What `alohad check` finds on an emulated arm with one fault after the other, and on a made-up sysfs. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { loadArmProfile } from '#alohad/config/armFiles.js';
import { defaultRig } from '#alohad/config/rig.js';
import type { ArmProfile } from '#alohad/contract/arm.js';
import { checkBus, checkCameras } from '#alohad/daemon/preflight/cameras.js';
import { checkArm } from '#alohad/daemon/preflight/arm.js';
import { preflight } from '#alohad/daemon/preflight/preflight.js';
import { Emulator } from '#alohad/hardware/emulator/emulator.js';
import { encodeJpeg } from '#alohad/imaging/jpeg.js';
import type { FaultCommand } from '#alohad/hardware/emulator/faults.js';
import { videoDevice } from '#alohad/hardware/webcam/videoDevice.js';
import { serialDevice, udevRule } from '#alohad/hardware/usbSerial.js';

const folder = mkdtempSync(join(tmpdir(), 'alohad-check-'));
const profile = loadArmProfile('vx300s');
const port = join(folder, 'arm');
let emulator: Emulator | undefined;

afterEach(async () => {
  await emulator?.close();
  emulator = undefined;
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Findings that are not fine, as `what: found`, of an emulated arm that differs from the profile. */
async function faults(arm: ArmProfile = profile, ...commands: FaultCommand[]): Promise<string[]> {
  emulator = await Emulator.start([{ name: 'arm', path: port, arm, wire: {}, gravity: false, seed: 1 }]);
  for (const command of commands) emulator.apply('arm', command);
  const findings = await checkArm({ name: 'arm', port, profile });
  expect(findings.length).toBeGreaterThan(1);
  for (const { grade, fix } of findings) expect(fix === undefined).toBe(grade === 'ok');
  return findings
    .filter(({ grade }) => grade !== 'ok')
    .map(({ grade, what, found }) => `${grade} ${what}: ${found}`);
}

const changed = (id: number, change: Partial<ArmProfile['servos'][number]>): ArmProfile => ({
  ...profile,
  servos: profile.servos.map((servo) => (servo.id === id ? { ...servo, ...change } : servo)),
});

describe('a check of an arm', () => {
  it('finds nothing on a sound one', async () => {
    expect(await faults()).toEqual([]);
  });

  it.each<[string, FaultCommand, RegExp]>([
    [
      'a servo that is off the bus',
      { kind: 'servo', id: 9, fault: 'absent' },
      /fail 9 gripper: does not answer/,
    ],
    ['an overload', { kind: 'servo', id: 7, fault: 'overload' }, /fail 7 wrist_angle: overload/],
    [
      'too little voltage',
      { kind: 'servo', id: 1, fault: 'undervoltage' },
      /fail 1 waist: 8 V instead of 12/,
    ],
    ['a shadow that stands elsewhere', { kind: 'hand', id: 5, position: 2000 }, /fail elbow pair: .* apart/],
  ])('finds %s', async (_, command, expected) => {
    expect((await faults(profile, command)).join('\n')).toMatch(expected);
  });

  it('finds another model, another drive mode and another shadow', async () => {
    expect(await faults(changed(8, { model: 'XL430-W250' }))).toEqual([
      'fail 8 wrist_rotate: is a XL430-W250, not a XM430-W350',
    ]);
    await emulator?.close();
    expect((await faults(changed(2, { driveMode: 0 }))).join('\n')).toMatch(
      /fail 2 shoulder: Drive Mode 0, the profile says 1/,
    );
    await emulator?.close();
    const { shadowOf: _, ...alone } = profile.servos.find(({ id }) => id === 3)!;
    const arm = { ...profile, servos: profile.servos.map((servo) => (servo.id === 3 ? alone : servo)) };
    const withoutShadow = arm.servos.map((servo) =>
      servo.id === 3 ? { ...servo, name: 'shoulder' } : servo,
    );
    expect((await faults({ ...arm, servos: withoutShadow })).join('\n')).toMatch(
      /fail 3 shoulder_shadow: Secondary ID 255, the profile says 2/,
    );
  });

  it('finds servos at another baud rate', async () => {
    expect(await faults({ ...profile, baudRate: 57_600 })).toEqual([
      'fail baud rate: servos answer at 57600, the profile says 1000000 bit/s',
    ]);
  });

  it('names a port that does not exist', async () => {
    const [finding] = await checkArm({ name: 'arm', port: join(folder, 'nothing'), profile });
    expect(finding).toMatchObject({ grade: 'fail', what: 'port' });
    expect(finding!.found).toContain('does not exist');
  });
});

it('a USB adapter is known by its latency timer and serial number', () => {
  const sysfs = join(folder, 'sys');
  const usb = join(sysfs, 'devices/usb1/1-1');
  mkdirSync(join(usb, '1-1:1.0/ttyUSB7'), { recursive: true });
  mkdirSync(join(sysfs, 'class/tty/ttyUSB7'), { recursive: true });
  symlinkSync(join(usb, '1-1:1.0/ttyUSB7'), join(sysfs, 'class/tty/ttyUSB7/device'));
  writeFileSync(join(usb, '1-1:1.0/ttyUSB7/latency_timer'), '16\n');
  writeFileSync(join(usb, 'serial'), 'FT4TFV1A\n');
  const device = join(folder, 'ttyUSB7');
  writeFileSync(device, '');
  const byId = join(folder, 'by-id');
  mkdirSync(byId);
  symlinkSync(device, join(byId, 'usb-FTDI_U2D2-if00-port0'));
  expect(serialDevice(device, sysfs, byId)).toEqual({
    device,
    kind: 'usb',
    byId: join(byId, 'usb-FTDI_U2D2-if00-port0'),
    serial: 'FT4TFV1A',
    latencyMs: 16,
  });
  expect(udevRule('FT4TFV1A', 'ttyDXL_follower_left')).toContain('ATTR{device/latency_timer}="1"');
});

it('a check of the machine grades disk and policy, and names a policy that is not there', async () => {
  const request = { rig: defaultRig(), episodes: join(folder, 'episodes') };
  const findings = await preflight({ ...request, policy: 'insertion-state' });
  const found = Object.fromEntries(findings.map(({ what, grade }) => [what, grade]));
  expect(found).toMatchObject({ clock: 'ok', 'insertion-state': 'ok' });
  expect(Object.keys(found)).toContain('disk speed');
  const bad = await preflight({ ...request, policy: join(folder, 'no-policy') });
  expect(bad.find(({ subject }) => subject === 'policy')).toMatchObject({ subject: 'policy', grade: 'fail' });
});

describe('a check of cameras', () => {
  it('measures what is there and says what is not', async () => {
    const file = join(folder, 'camera.mjpeg');
    const rgb = new Uint8Array(32 * 24 * 3).fill(90);
    writeFileSync(file, encodeJpeg({ width: 32, height: 24, rgb }));
    const size = { width: 32, height: 24, fps: 30 };
    const cameras = {
      cam_high: { file, ...size },
      cam_low: { file, ...size, width: 64 },
      cam_left_wrist: { device: join(folder, 'none'), ...size },
    };
    const findings = await checkCameras({ ...defaultRig(), cameras });
    const lines = findings.map(({ subject, what, grade, found }) => `${subject} ${what} ${grade} ${found}`);
    expect(lines).toEqual([
      expect.stringMatching(/^cam_left_wrist device fail .*none is not there/),
      expect.stringMatching(/^cam_high pictures (?:ok|warn) 32x24 at [\d.]+ of 30 a second, 1 KB each/),
      expect.stringMatching(/^cam_low pictures fail wrong mode: it sends 32 x 24 instead of 64 x 24/),
      expect.stringMatching(/^cam_left_wrist pictures fail (?:unplugged|unavailable)/),
    ]);
    for (const { grade, fix } of findings) expect(fix === undefined).toBe(grade === 'ok');
  });

  it('estimates whether a USB bus carries its cameras', () => {
    const four = ['a', 'b', 'c', 'd'];
    expect(checkBus(1, { bytesPerS: 20e6, cameras: four, speed: 480 })).toMatchObject({ grade: 'ok' });
    expect(checkBus(1, { bytesPerS: 30e6, cameras: four, speed: 480 })).toMatchObject({
      subject: 'usb 1',
      grade: 'warn',
      found: expect.stringContaining('30.0 of 24.6 MB/s'),
    });
    expect(checkBus(2, { bytesPerS: 30e6, cameras: four, speed: 5000 })).toMatchObject({ grade: 'ok' });
  });

  it('finds the USB bus of a device in sysfs', () => {
    const sysfs = mkdtempSync(join(folder, 'sys-'));
    const usb = join(sysfs, 'devices/usb3/3-2');
    mkdirSync(join(usb, '3-2:1.0'), { recursive: true });
    mkdirSync(join(sysfs, 'class/video4linux/video7'), { recursive: true });
    symlinkSync(join(usb, '3-2:1.0'), join(sysfs, 'class/video4linux/video7/device'));
    writeFileSync(join(usb, 'busnum'), '3\n');
    writeFileSync(join(usb, 'speed'), '480\n');
    writeFileSync(join(usb, 'product'), 'C922 Pro Stream Webcam\n');
    writeFileSync(join(folder, 'video7'), '');
    symlinkSync(join(folder, 'video7'), join(folder, 'CAM_HIGH'));
    expect(videoDevice(join(folder, 'CAM_HIGH'), sysfs)).toEqual({
      device: join(folder, 'video7'),
      product: 'C922 Pro Stream Webcam',
      usb: { bus: 3, speed: 480 },
    });
    expect(videoDevice(join(folder, 'CAM_LOW'), sysfs)).toBeUndefined();
  });
});
