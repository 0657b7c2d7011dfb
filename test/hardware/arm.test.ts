import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadArmProfile, loadGripper } from '#alohad/config/armFiles.js';
import { ArmError, ArmLink } from '#alohad/hardware/arm/armLink.js';
import { JointSpace } from '#alohad/hardware/arm/jointSpace.js';
import { ServoBus } from '#alohad/hardware/dynamixel/bus.js';
import { ADDRESS } from '#alohad/hardware/dynamixel/controlTable.js';
import { Emulator } from '#alohad/hardware/emulator/emulator.js';
import { SerialPort } from '#alohad/hardware/serialPort.js';

const PROFILE = loadArmProfile('vx300s');
const GRIPPER = loadGripper('aloha', 'follower');
/** Ten times what is usual: the machine that runs tests may be busy. */
const WATCHDOG_MS = 2000;
const RAD_PER_TICK = Math.PI / 2048;
const NAMES = ['left', 'right'] as const;
const DRIVER = fileURLToPath(new URL('drivingProcess.mjs', import.meta.url));

let folder: string;
let emulator: Emulator;
let links: ArmLink[] = [];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'alohad-arm-'));
  emulator = await Emulator.start(
    NAMES.map((name, seed) => ({
      name,
      path: join(folder, name),
      arm: PROFILE,
      wire: {},
      gravity: false,
      seed,
    })),
  );
});
afterEach(async () => {
  await Promise.all(links.map((link) => link.close()));
  links = [];
  await emulator.close();
  rmSync(folder, { recursive: true });
});

async function activeArms(): Promise<[ArmLink, ArmLink]> {
  const alarm = new SharedArrayBuffer(4);
  const open = (name: string): Promise<ArmLink> =>
    ArmLink.open(
      {
        name,
        path: join(folder, name),
        profile: PROFILE,
        gripper: GRIPPER,
        slackMs: 50,
        watchdogMs: WATCHDOG_MS,
      },
      alarm,
    );
  const [left, right] = await Promise.all([open('left'), open('right')]);
  links = [left, right];
  await Promise.all(links.map((link) => link.order('activate')));
  return [left, right];
}

/** Turns both waists on until something is true. */
async function turnUntil(arms: readonly ArmLink[], condition: () => boolean): Promise<void> {
  const goals = arms.map((arm) => arm.sample().position.slice());
  for (let tick = 0; !condition() && tick < 1000; tick++) {
    for (const [n, arm] of arms.entries()) {
      goals[n]![0]! += 0.005;
      arm.put(goals[n]!, 0);
    }
    await sleep(20);
  }
  expect(condition(), arms.map((arm) => arm.fault).join('\n')).toBe(true);
}

async function expectHeld(arm: ArmLink): Promise<void> {
  await sleep(200);
  const before = arm.sample().position[0]!;
  const turned = new Float64Array(7).fill(1);
  for (let tick = 0; tick < 10; tick++) {
    arm.put(turned, 0); // Nobody listens any more.
    await sleep(20);
  }
  expect(Math.abs(arm.sample().position[0]! - before)).toBeLessThan(0.01);
}

describe('an arm that fails holds all arms', () => {
  it('overload of one gripper', async () => {
    const [left, right] = await activeArms();
    await turnUntil([left, right], () => left.sample().position[0]! > 0.1);
    emulator.apply('left', { kind: 'servo', id: 9, fault: 'overload' });
    await turnUntil([left, right], () => left.state === 'faulted' && right.state === 'holding');
    await expectHeld(left);
    await expectHeld(right);
    expect(left.fault).toContain('left');
    expect(left.fault).toContain('gripper reports a hardware error');
    await expect(left.order('activate')).rejects.toThrow(ArmError);
  });

  it('a bus unplugged in mid-motion', async () => {
    const [left, right] = await activeArms();
    await turnUntil([left, right], () => left.sample().position[0]! > 0.1);
    emulator.apply('left', { kind: 'unplug' });
    await turnUntil([left, right], () => left.state === 'closed' && right.state === 'holding');
    await expectHeld(right);
    await left.close();
    expect(left.fault).toContain('is gone');
  });

  it('a bus unplugged in mid-motion: the other waist gets one goal more, where it is, and stays there', async () => {
    const [left, right] = await activeArms();
    const waist = (): number => right.sample().position[0]! / RAD_PER_TICK;
    await turnUntil([left, right], () => right.sample().position[0]! > 0.1);
    emulator.apply('left', { kind: 'unplug' });
    await turnUntil([left, right], () => right.state === 'holding');
    const held = waist();
    const turned = new Float64Array(7).fill(1);
    for (let tick = 0; tick < 10; tick++) {
      right.put(turned, 0); // Nobody listens any more.
      await sleep(20);
    }
    await right.close('stiff');
    const port = await SerialPort.open(join(folder, 'right'), PROFILE.baudRate);
    try {
      const bus = new ServoBus(port, { slackMs: 500 });
      const goals: number[] = [];
      let position = 0;
      for (let look = 0; look < 3; look++) {
        goals.push(bus.readSigned(1, ADDRESS.goalPosition, 4) - 2048);
        position = bus.readSigned(1, ADDRESS.presentPosition, 4) - 2048;
        await sleep(100);
      }
      expect(new Set(goals).size).toBe(1);
      // Measured in the cycle before; a cycle at 0.25 rad/s is 2 ticks, and busy machines have long ones.
      expect(Math.abs(goals[0]! - held)).toBeLessThan(20);
      expect(Math.abs(position - goals[0]!)).toBeLessThanOrEqual(4);
    } finally {
      port.close();
    }
  });

  it('a servo that falls silent', async () => {
    const [left, right] = await activeArms();
    emulator.apply('right', { kind: 'servo', id: 6, fault: 'absent' });
    await turnUntil([left, right], () => right.state === 'faulted' && left.state === 'holding');
    await expectHeld(left);
    expect(right.fault).toContain('forearm_roll has not answered');
  });
});

it('whoever sees that an arm is faulted sees why, though no message could arrive yet', async () => {
  const [left] = await activeArms();
  emulator.apply('left', { kind: 'servo', id: 6, fault: 'overload' });
  // Without giving messages a chance: the event loop of this thread stands still.
  const word = new Int32Array(new SharedArrayBuffer(4));
  for (let wait = 0; left.state !== 'faulted' && wait < 20_000; wait++) Atomics.wait(word, 0, 0, 1);
  expect(left.state).toBe('faulted');
  expect(left.fault).toContain('forearm_roll reports a hardware error');
});

it('tells the health of every servo and how well it is heard', async () => {
  const [left] = await activeArms();
  const all = (): boolean => left.health().every(({ temperatureC }) => temperatureC !== null);
  for (let wait = 0; !all() && wait < 500; wait++) await sleep(20);
  const health = left.health();
  expect(health.map(({ id, joint }) => `${id} ${joint}`)).toEqual(
    PROFILE.servos.map(({ id, name }) => `${id} ${name}`),
  );
  for (const { arm, temperatureC, voltageV, error, effort, joint } of health) {
    expect([arm, temperatureC, voltageV, error]).toEqual(['left', 25, 12, '']);
    expect(effort === null).toBe(joint.endsWith('_shadow'));
  }
  emulator.apply('left', { kind: 'line', faults: { corrupt: 0.2 } });
  const isHeardBadly = (): boolean =>
    left.health().some(({ crcErrors, retries }) => crcErrors > 0 && retries > 0);
  for (let wait = 0; !isHeardBadly() && wait < 500; wait++) await sleep(20);
  expect(isHeardBadly()).toBe(true);
  emulator.apply('left', { kind: 'line', faults: {} });
  emulator.apply('left', { kind: 'servo', id: 9, fault: 'overheat' });
  const gripper = () => left.health().find(({ id }) => id === 9)!;
  for (let wait = 0; gripper().error === '' && wait < 500; wait++) await sleep(20);
  expect(gripper().error).toBe('overheated');
});

describe('an arm holds', () => {
  it('when goals stop coming, and goes on with the next', async () => {
    const [left] = await activeArms();
    await turnUntil([left], () => left.sample().position[0]! > 0.1);
    expect(left.state).toBe('active');
    for (let wait = 0; left.state !== 'holding' && wait < 200; wait++) await sleep(20);
    expect(left.state).toBe('holding');
    const held = left.sample().position[0]!;
    await turnUntil([left], () => left.sample().position[0]! > held + 0.1);
  });

  it.each(['SIGKILL', 'SIGSTOP'] as const)('by its own watchdog, with torque, after %s', async (signal) => {
    const path = join(folder, 'left');
    const child = spawn(process.execPath, [DRIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    const [said] = await Promise.race([once(child.stdout, 'data'), exited]);
    expect(String(said)).toBe('moving\n');
    child.kill(signal);
    await sleep(WATCHDOG_MS + 500);
    child.kill('SIGKILL');
    await exited;
    const port = await SerialPort.open(path, PROFILE.baudRate);
    const bus = new ServoBus(port, { slackMs: 1000 });
    for (const { id } of PROFILE.servos) {
      expect(bus.readUnsigned(id, ADDRESS.torqueEnable, 1)).toBe(1);
      expect(bus.readSigned(id, ADDRESS.busWatchdog, 1)).toBe(-1);
    }
    const waist = (): number => bus.readSigned(1, ADDRESS.presentPosition, 4);
    const stopped = waist();
    expect(stopped).toBeGreaterThan(2048 + 50);
    await sleep(300);
    expect(waist()).toBe(stopped);
    port.close();
  });
});

it('becomes stiff where a joint leans a little beyond its limits, and says which joint stands too far beyond', async () => {
  const elbow = 4;
  const beyond = (ticks: number): void => {
    const position = 2 * 2048 - (PROFILE.servos.find(({ id }) => id === elbow)!.maxTick + ticks);
    emulator.apply('left', { kind: 'hand', id: elbow, position });
  };
  const openAt = async (tick: number): Promise<ArmLink> => {
    const link = await ArmLink.open(
      { name: 'left', path: join(folder, 'left'), profile: PROFILE, gripper: GRIPPER, slackMs: 500 },
      new SharedArrayBuffer(4),
    );
    links.push(link);
    const angle = ((tick - 2048) * Math.PI) / 2048;
    await expect.poll(() => Math.abs(link.sample().position[2]! - angle)).toBeLessThan(0.003);
    return link;
  };
  beyond(300);
  const far = await openAt(3394);
  await expect(far.order('activate')).rejects.toThrow(
    /servo 4 \(elbow\).*3394, outside of its limits 898 to 3094/,
  );
  await far.close();
  beyond(2);
  const near = await openAt(3096);
  await near.order('activate');
});

it('another arm than the profile says is refused, servo by servo', async () => {
  const profile = loadArmProfile('wx250s');
  const opening = ArmLink.open(
    {
      name: 'left',
      path: join(folder, 'left'),
      profile,
      gripper: GRIPPER,
      slackMs: 50,
      watchdogMs: WATCHDOG_MS,
    },
    new SharedArrayBuffer(4),
  );
  await expect(opening).rejects.toThrow('1 waist: is a XM540-W270, not a XM430-W350');
});

describe('joint space', () => {
  const space = new JointSpace(PROFILE, GRIPPER);

  it('has its zero at tick 2048 and its limits at the servo limits', () => {
    expect(space.toTick(0, 0)).toBe(2048);
    expect(space.position(1, 2048)).toBe(0);
    expect(space.toTick(1, -3)).toBe(841);
    expect(space.position(1, space.toTick(1, 0.5))).toBeCloseTo(0.5, 3);
  });

  it.each(['aloha', 'interbotix'])(
    'opens and closes the gripper as %s does, from joint to finger',
    (name) => {
      const gripper = new JointSpace(PROFILE, loadGripper(name, 'follower'));
      for (const end of [0, 1]) expect(gripper.position(6, gripper.toTick(6, end))).toBeCloseTo(end, 1);
      const [a, b] = [gripper.toTick(6, 0.5), gripper.toTick(6, 0.5) + 1];
      const slope =
        (gripper.position(6, b) - gripper.position(6, a)) / (gripper.position(0, b) - gripper.position(0, a));
      expect(gripper.velocity(6, 10, a) / gripper.velocity(0, 10, a)).toBeCloseTo(slope, 2);
    },
  );
});
