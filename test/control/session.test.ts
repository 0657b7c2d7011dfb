import { describe, expect, it } from 'vitest';
import { Limits, ALOHA_LIMITS } from '#alohad/control/limits.js';
import { ControlSession, PreflightError } from '#alohad/control/session.js';
import { ModeError } from '#alohad/control/modes.js';
import { FastClock } from '#alohad/realtime/clock.js';
import type { ActionSource } from '#alohad/contract/policy.js';
import { ARMS, ARM_START_POSE, CONTROL_PERIOD_S, DOF, isGripper } from '#alohad/contract/robot.js';
import { FakeRobot } from './fakeRobot.js';

const NEVER = { aborted: false };
const START = Float64Array.from(ARMS.flatMap(() => ARM_START_POSE));

/** Aborted at the n-th look. */
const after = (looks: number) => {
  let seen = 0;
  return {
    get aborted() {
      return ++seen > looks;
    },
  };
};

const source = (decide: ActionSource['decide']): ActionSource => ({
  name: 'test',
  reset: () => {},
  decide,
  close: async () => {},
});

function session(robot: FakeRobot, stop = { aborted: false }) {
  const modes: string[] = [];
  const made = new ControlSession({
    robot,
    clock: new FastClock(),
    limits: new Limits(),
    listeners: [],
    stop,
    onMode: (mode) => modes.push(mode),
  });
  return { session: made, modes, stop };
}

/** Largest change of a goal between ticks, against what the joint's speed allows. */
function largestJump(robot: FakeRobot): number {
  let most = 0;
  for (let tick = 1; tick < robot.goals.length; tick++) {
    for (let joint = 0; joint < DOF; joint++) {
      const change = Math.abs(robot.goals[tick]![joint]! - robot.goals[tick - 1]![joint]!);
      most = Math.max(most, change / (ALOHA_LIMITS[joint]!.speed * CONTROL_PERIOD_S));
    }
  }
  return most;
}

describe('ControlSession', () => {
  it('holds the same goal however often it is told to stand: arms do not sag', async () => {
    const robot = new FakeRobot();
    const { session: control } = session(robot);
    await control.connect();
    await control.activate();
    for (let i = 0; i < 20; i++) await control.stand(after(12));
    expect(robot.goals.length).toBeGreaterThan(50);
    for (const goal of robot.goals) expect([...goal]).toEqual([...robot.goals[0]!]);
  });

  it('aligns, plays, holds and parks without a jump, and a gripper goes on pressing', async () => {
    const robot = new FakeRobot();
    const { session: control, modes } = session(robot);
    await control.connect();
    await control.activate();
    const target = START.map((position, joint) => (isGripper(joint) ? 1 : position + 0.4));
    expect(await control.align(target, NEVER)).toBe(true);
    const press = START.map((position, joint) => (isGripper(joint) ? 0 : position + 0.4));
    await control.episode({ source: source(() => press), steps: 60, signal: NEVER });
    await control.stand(after(12));
    expect(robot.goals.at(-1)![6]).toBe(0);
    await control.disconnect();
    // Where a move ends the goal comes back to where the arms are: a little, and towards them.
    expect(largestJump(robot)).toBeLessThan(1.1);
    expect(modes).toEqual([
      'preflight',
      'limp',
      'holding',
      'aligning',
      'holding',
      'active',
      'holding',
      'parking',
      'parked',
      'disconnected',
    ]);
    expect(robot.calls.at(-1)).toBe('disconnect');
    expect(robot.goals.at(-1)![1]).toBeCloseTo(-1.85);
  });

  it('sends not one goal more once the emergency stop is on, and none while it is', async () => {
    const robot = new FakeRobot();
    const { session: control, stop } = session(robot);
    await control.connect();
    await control.activate();
    let ticks = 0;
    const outcome = await control.episode({
      source: source(() => {
        if (++ticks === 10) stop.aborted = true;
        return START;
      }),
      steps: 100,
      signal: NEVER,
    });
    expect(outcome).toMatchObject({ steps: 10, interrupted: true });
    const sent = robot.goals.length;
    expect(control.mode).toBe('stopped');
    expect(robot.calls).toContain('confirmHold');
    expect(await control.align(START, NEVER)).toBe(false);
    await expect(control.episode({ source: source(() => START), steps: 5, signal: NEVER })).rejects.toThrow(
      /Clear the emergency stop/,
    );
    await control.stand(after(12));
    expect(robot.goals).toHaveLength(sent);
    // Off again, but nobody has said that the arms were looked at.
    stop.aborted = false;
    expect(await control.park()).toBe(false);
    await expect(control.activate()).rejects.toThrow(ModeError);
    expect(await control.disconnect()).toBe(true); // Not parked: nothing moves, and nothing falls.
    expect(robot.goals).toHaveLength(sent);
    expect(robot.calls.at(-1)).toBe('leave stiff');
  });

  it('goes on after an emergency stop once it was cleared, from where the arms are', async () => {
    const robot = new FakeRobot();
    const answers: unknown[] = [];
    const stop = { aborted: false };
    const control = new ControlSession({
      robot,
      clock: new FastClock(),
      limits: new Limits(),
      listeners: [],
      stop,
      onMode: () => {},
      onStopped: (failure) => answers.push(failure),
    });
    await control.connect();
    stop.aborted = true;
    await control.stand(after(3));
    // Limp arms stay limp, and have nothing to confirm.
    expect([control.mode, robot.calls.includes('confirmHold')]).toEqual(['stopped', false]);
    control.reset();
    expect(control.mode).toBe('stopped');
    stop.aborted = false;
    control.reset();
    expect(control.mode).toBe('limp');
    await control.activate();
    robot.confirmHold = () => Promise.reject(new Error('servo 3 has no torque'));
    stop.aborted = true;
    await control.stand(after(3));
    stop.aborted = false;
    control.reset();
    expect(answers).toEqual([undefined, new Error('servo 3 has no torque')]);
    expect(await control.align(START, NEVER)).toBe(true);
    expect(largestJump(robot)).toBeLessThan(1.1);
  });

  it('holds, ready for the next, when the source dies; a robot that dies is a fault', async () => {
    const robot = new FakeRobot();
    const { session: control } = session(robot);
    await control.connect();
    await control.activate();
    const dying = source(({ step }) => {
      if (step === 5) throw new Error('the policy died');
      return START;
    });
    await expect(control.episode({ source: dying, steps: 50, signal: NEVER })).rejects.toThrow('policy died');
    expect(control.mode).toBe('holding');
    expect(robot.calls.at(-2)).toBe('hold');

    robot.command = () => {
      throw new Error('servo overload');
    };
    await expect(control.episode({ source: source(() => START), steps: 5, signal: NEVER })).rejects.toThrow(
      'overload',
    );
    expect(control.mode).toBe('faulted');
  });

  it('does not put torque on a robot that says nonsense', async () => {
    const robot = new FakeRobot();
    const observe = robot.observe.bind(robot);
    robot.observe = () => {
      const observation = observe();
      observation.qpos[3] = Number.NaN;
      return observation;
    };
    const { session: control } = session(robot);
    await expect(control.connect()).rejects.toThrow(PreflightError);
    expect(robot.calls).not.toContain('activate');
    expect(robot.calls.at(-1)).toBe('disconnect');
  });
});
