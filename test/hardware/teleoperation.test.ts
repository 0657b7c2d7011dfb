/** Leaders, hands and followers, all emulated: the ritual, the approach, and that followers go where leaders go. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadGripper } from '#alohad/config/armFiles.js';
import { DOF } from '#alohad/contract/robot.js';
import type { Step } from '#alohad/contract/step.js';
import { Following } from '#alohad/control/following.js';
import { run } from '#alohad/control/loop.js';
import { handsClosed, readyLeaders } from '#alohad/control/startRitual.js';
import { Teleoperation } from '#alohad/control/teleoperation.js';
import { AlohaRobot } from '#alohad/hardware/alohaRobot.js';
import { RealTimeClock } from '#alohad/realtime/clock.js';
import { EmulatedAloha, PROFILES, SIDES } from './emulatedAloha.js';

/** Ten times what is usual: the machine that runs tests may be busy. */
const PATIENCE = { slackMs: 50, watchdogMs: 2000 };
const never = { aborted: false };

let aloha: EmulatedAloha;
let robots: Record<'leader' | 'follower', AlohaRobot>;

const pair = (role: 'leader' | 'follower'): AlohaRobot =>
  new AlohaRobot({
    backend: 'emulated',
    arms: SIDES.map((side) => ({
      name: `${role}_${side}`,
      path: join(aloha.folder, `${role}_${side}`),
      profile: PROFILES[role],
      gripper: loadGripper('aloha', role),
      ...PATIENCE,
    })),
  });

beforeEach(async () => {
  aloha = await EmulatedAloha.start();
  robots = { leader: pair('leader'), follower: pair('follower') };
  await Promise.all([robots.leader.connect(), robots.follower.connect()]);
});
afterEach(async () => {
  await Promise.all([robots.leader.disconnect(), robots.follower.disconnect()]);
  await aloha.close();
});

/** Waits for what the emulator and the arms' threads do in their own time. */
async function until(condition: () => boolean): Promise<void> {
  for (let wait = 0; !condition() && wait < 500; wait++) await new Promise((done) => setTimeout(done, 10));
  expect(condition()).toBe(true);
}

describe('teleoperation', () => {
  it('begins when both hands close, approaches slowly, and followers follow', async () => {
    const { leader, follower } = robots;
    const clock = new RealTimeClock(20);
    expect(await readyLeaders(leader, clock, never)).toBe(true);
    expect(handsClosed(leader.observe())).toBe(false);
    aloha.closeHands();
    await until(() => handsClosed(leader.observe()));
    await leader.relax();

    await follower.activate();
    const waist: number[] = [];
    const goals: Float64Array[] = [];
    const following = new Following();
    const swing = {
      onStep: ({ observation, goal }: Step): void => {
        aloha.turn(0.4 * Math.sin((2 * waist.length * 20) / 1000));
        waist.push(observation.qpos[0]!);
        goals.push(goal.slice());
      },
    };
    await run({
      robot: follower,
      source: new Teleoperation(leader),
      clock,
      steps: 400,
      listeners: [swing, following],
    });

    expect(Math.max(...waist.slice(200))).toBeGreaterThan(0.3);
    expect(Math.min(...waist.slice(200))).toBeLessThan(-0.3);
    // The followers lay in their sleep pose, far from the leaders' start pose.
    const fastest = Math.max(
      ...goals
        .slice(1)
        .flatMap((goal, t) => [1, 2, 4].map((joint) => Math.abs(goal[joint]! - goals[t]![joint]!))),
    );
    expect(fastest).toBeLessThan(0.85 * 0.02);
    const apart = follower.observe().qpos.map((position, joint) => position - leader.observe().qpos[joint]!);
    expect(Math.max(...Array.from({ length: DOF }, (_, joint) => Math.abs(apart[joint]!)))).toBeLessThan(
      0.15,
    );
    expect(following.report().delayMs.count).toBeGreaterThan(0);
  }, 60_000);

  it('ends with an error by name when a leader is unplugged', async () => {
    const { leader, follower } = robots;
    await follower.activate();
    let ticks = 0;
    const unplug = {
      onStep: (): void => {
        if (ticks++ === 20) aloha.emulator.apply('leader_right', { kind: 'unplug' });
      },
    };
    await expect(
      run({
        robot: follower,
        source: new Teleoperation(leader),
        clock: new RealTimeClock(20),
        steps: 1000,
        listeners: [unplug],
      }),
    ).rejects.toThrow(/leader_right|last measured/);
  }, 60_000);
});
