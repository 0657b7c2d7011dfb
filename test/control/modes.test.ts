import { describe, expect, it } from 'vitest';
import { ModeError, Modes, withRobot } from '#alohad/control/modes.js';
import type { Mode } from '#alohad/control/modes.js';
import { FakeRobot } from './fakeRobot.js';

describe('Modes', () => {
  it('goes from disconnected over limp to holding, is active for the work, and back', async () => {
    const robot = new FakeRobot();
    const seen: Mode[] = [];
    const modes = new Modes(robot, (mode) => seen.push(mode));
    await modes.connect();
    await modes.activate();
    expect(await modes.during('aligning', async () => modes.mode)).toBe('aligning');
    await modes.during('active', async () => {});
    await modes.disconnect();
    expect(seen).toEqual(['limp', 'holding', 'aligning', 'holding', 'active', 'holding', 'disconnected']);
    expect(robot.calls).toEqual(['connect', 'activate', 'hold', 'hold', 'hold', 'disconnect']);
  });

  it('refuses what would be unsafe, names what is possible and does not touch the robot', async () => {
    const robot = new FakeRobot();
    const modes = new Modes(robot);
    await expect(modes.activate()).rejects.toThrow(
      'is disconnected and cannot become holding; from here it can become limp',
    );
    await expect(modes.during('active', async () => {})).rejects.toThrow(ModeError);
    expect(robot.calls).toEqual([]);
    await modes.connect();
    await expect(modes.during('active', async () => {})).rejects.toThrow(ModeError);
    await expect(modes.connect()).rejects.toThrow(ModeError);
    expect(robot.calls).toEqual(['connect']);
  });

  it('is faulted and holding after work that failed, and can only be disconnected', async () => {
    const robot = new FakeRobot();
    const modes = new Modes(robot);
    await modes.connect();
    await modes.activate();
    const work = modes.during('active', async () => {
      throw new Error('servo overload');
    });
    await expect(work).rejects.toThrow('servo overload');
    expect(modes.mode).toBe('faulted');
    expect(robot.calls.at(-1)).toBe('hold');
    await expect(modes.activate()).rejects.toThrow('can become disconnected');
    await modes.disconnect();
    expect(modes.mode).toBe('disconnected');
  });

  it('stays disconnected when connecting fails, with everything closed', async () => {
    const robot = new FakeRobot();
    robot.connect = () => Promise.reject(new Error('no such port'));
    const modes = new Modes(robot);
    await expect(modes.connect()).rejects.toThrow('no such port');
    expect(modes.mode).toBe('disconnected');
    expect(robot.calls).toEqual(['disconnect']);
  });
});

describe('withRobot', () => {
  it('holds, then disconnects, also when the work throws', async () => {
    const robot = new FakeRobot();
    const work = withRobot(robot, async (modes) => {
      await modes.during('active', () => Promise.reject(new Error('interrupted')));
    });
    await expect(work).rejects.toThrow('interrupted');
    expect(robot.calls.slice(-2)).toEqual(['hold', 'disconnect']);
  });
});
