/** What the servos of both followers did when one was overloaded, by their own registers, and how the arm comes back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadRig, type Rig } from '#alohad/config/rig.js';
import { rebootServos } from '#alohad/daemon/rebooting.js';
import { armsOf } from '#alohad/daemon/servoWorkcell.js';
import { AlohaRobot } from '#alohad/hardware/alohaRobot.js';
import { EmulatedAloha } from '../hardware/emulatedAloha.js';

const GRIPPER = 8;
/** A joint that holds moves no further [tick]. */
const STILL = 4;
const never = new AbortController().signal;

let aloha: EmulatedAloha;
let rig: Rig;
let robot: AlohaRobot;
beforeEach(async () => {
  aloha = await EmulatedAloha.start();
  rig = { ...loadRig(aloha.rig), backend: 'emulated' };
  robot = await stiffRobot();
});
afterEach(async () => {
  await robot.disconnect('stiff');
  await aloha.close();
});

async function stiffRobot(): Promise<AlohaRobot> {
  const made = new AlohaRobot({ backend: 'emulated', arms: armsOf(rig, 'follower') });
  await made.connect();
  await made.activate();
  return made;
}

/** Where the joints are; a machine that is too busy to measure is waited for. */
async function whereNow(): Promise<Float64Array> {
  for (let attempt = 0; ; attempt++) {
    try {
      return robot.observe().qpos.slice();
    } catch (error) {
      if (attempt === 500 || !String(error).includes('last measured')) throw error;
      await sleep(20);
    }
  }
}

/** Both waists turn until something is true. */
async function turnUntil(isOver: (said: string, qpos: Float64Array) => boolean): Promise<void> {
  const goal = await whereNow();
  const qpos = goal.slice();
  let said = '';
  for (let tick = 0; !isOver(said, qpos) && tick < 3000; tick++) {
    for (const waist of [0, 7]) goal[waist]! += 0.003;
    try {
      robot.command(goal);
      qpos.set(robot.observe().qpos);
    } catch (error) {
      said = error instanceof Error ? error.message : String(error);
    }
    await sleep(20);
  }
  expect(isOver(said, qpos), said).toBe(true);
}

const turned = (_: string, qpos: Float64Array): boolean => qpos[0]! > 0.1 && qpos[7]! > 0.1;

/** Nothing of it moves, and everything but `limp` has torque. */
async function expectHeld(bus: string, limp: readonly number[] = []): Promise<void> {
  const before = await aloha.servos(bus);
  await sleep(300);
  const { torque, position } = await aloha.servos(bus);
  expect(torque).toEqual(torque.map((_, servo) => (limp.includes(servo) ? 0 : 1)));
  for (const [servo, tick] of position.entries())
    expect(Math.abs(tick - before.position[servo]!)).toBeLessThanOrEqual(STILL);
}

it('overload of a gripper: it lets go, nothing else moves; rebooted by a person, it holds again and the arms go on', async () => {
  await turnUntil(turned);
  aloha.emulator.apply('follower_left', { kind: 'servo', id: 9, fault: 'overload' });
  await turnUntil((said) => said.includes('gripper reports a hardware error'));
  expect(robot.health().find(({ arm, id }) => arm === 'follower_left' && id === 9)!.arm).toBe(
    'follower_left',
  );
  await robot.disconnect('stiff');
  await expectHeld('follower_left', [GRIPPER]);
  await expectHeld('follower_right');

  const refused = new AlohaRobot({ backend: 'emulated', arms: armsOf(rig, 'follower') });
  await expect(refused.connect()).rejects.toThrow(/9 gripper: overload; .*alohad reboot/);
  await expectHeld('follower_right');

  const told: string[] = [];
  const person = { tell: (text: string) => told.push(text), confirms: () => true, moment: () => sleep(2) };
  expect(await rebootServos(rig, 'follower_left', person, never)).toEqual(['gripper']);
  expect(told[0]).toContain('servo 9 gripper: overload. Take away what it presses against');
  await expectHeld('follower_left');
  expect(await rebootServos(rig, 'follower_right', person, never)).toEqual([]);

  robot = await stiffRobot();
  const waist = (await whereNow())[0]!;
  await turnUntil((_, qpos) => qpos[0]! > waist + 0.1);
}, 180_000);
