import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModeError, Modes } from '#alohad/control/modes.js';
import type { Mode, MovingMode } from '#alohad/control/modes.js';
import { FakeRobot } from './fakeRobot.js';

async function holding() {
  const robot = new FakeRobot();
  const seen: Mode[] = [];
  const modes = new Modes(robot, (mode) => seen.push(mode));
  await modes.connect();
  await modes.activate();
  robot.calls.length = seen.length = 0;
  return { robot, modes, seen };
}

describe('Modes', () => {
  it('goes from disconnected over limp to holding, is active for the work, parks, and only then lets go', async () => {
    const robot = new FakeRobot();
    const seen: Mode[] = [];
    const modes = new Modes(robot, (mode) => seen.push(mode));
    await modes.connect(() => expect(modes.mode).toBe('preflight'));
    await modes.activate();
    expect(await modes.during('aligning', async () => modes.mode)).toBe('aligning');
    await modes.during('active', async () => {});
    await modes.during('parking', async () => {});
    expect(await modes.disconnect()).toBe(false);
    expect(seen.join(' ')).toBe(
      'preflight limp holding aligning holding active holding parking parked disconnected',
    );
    expect(robot.calls).toEqual(['connect', 'activate', 'hold', 'hold', 'hold', 'hold', 'disconnect']);
  });

  it('refuses what would be unsafe, names what is possible and does not touch the robot', async () => {
    const robot = new FakeRobot();
    const modes = new Modes(robot);
    await expect(modes.activate()).rejects.toThrow(
      'is disconnected and cannot become holding; from here it can become preflight',
    );
    await expect(modes.during('active', async () => {})).rejects.toThrow(ModeError);
    expect(robot.calls).toEqual([]);
    await modes.connect();
    await expect(modes.during('active', async () => {})).rejects.toThrow(ModeError);
    await expect(modes.connect()).rejects.toThrow(ModeError);
    expect(robot.calls).toEqual(['connect']);
  });

  it('is faulted and holding after work that failed, and can only be disconnected, stiff unless told', async () => {
    const { robot, modes } = await holding();
    const work = modes.during('active', () => Promise.reject(new Error('servo overload')));
    await expect(work).rejects.toThrow('servo overload');
    expect(modes.mode).toBe('faulted');
    expect(robot.calls.at(-1)).toBe('hold');
    await expect(modes.activate()).rejects.toThrow('can become disconnected');
    expect(await modes.disconnect()).toBe(true);
    expect([modes.mode, robot.calls.at(-1)]).toEqual(['disconnected', 'leave stiff']);
  });

  it('lets go of arms that are up when a person says so', async () => {
    const { robot, modes } = await holding();
    expect(await modes.disconnect(true)).toBe(false);
    expect(robot.calls.at(-1)).toBe('disconnect');
  });

  it('is holding, not parked, when parking was stopped', async () => {
    const { modes } = await holding();
    await modes.during(
      'parking',
      async () => 'half way',
      () => false,
    );
    expect(modes.mode).toBe('holding');
  });

  it('stays disconnected when connecting or preflight fails, with everything closed', async () => {
    const robot = new FakeRobot();
    const modes = new Modes(robot);
    const odd = modes.connect(() => {
      throw new Error('a joint is at NaN');
    });
    await expect(odd).rejects.toThrow('NaN');
    robot.connect = () => Promise.reject(new Error('no such port'));
    await expect(modes.connect()).rejects.toThrow('no such port');
    expect(modes.mode).toBe('disconnected');
    expect(robot.calls).toEqual(['connect', 'disconnect', 'disconnect']);
  });

  it('is stopped although torque went on at that moment, and remembers a fault behind the stop', async () => {
    const robot = new FakeRobot();
    const modes = new Modes(robot);
    await modes.connect();
    const activated = modes.activate();
    modes.stop();
    await activated;
    expect([modes.mode, modes.stiff]).toEqual(['stopped', true]);
    modes.fault();
    expect(modes.mode).toBe('stopped');
    modes.reset();
    expect(modes.mode).toBe('faulted');
  });
});

/** What may be asked, in any order and at any time. */
type Event =
  | { readonly ask: 'connect' | 'activate' | 'fault' | 'stop' | 'reset' }
  | { readonly ask: 'disconnect'; readonly told: boolean }
  | {
      readonly ask: 'move';
      readonly mode: MovingMode;
      readonly ends: 'well' | 'early' | 'badly';
      readonly stopped: boolean;
    };

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ ask: fc.constantFrom('connect', 'activate', 'fault', 'stop', 'reset') }),
  fc.record({ ask: fc.constant('disconnect'), told: fc.boolean() }),
  fc.record({
    ask: fc.constant('move'),
    mode: fc.constantFrom<MovingMode>('aligning', 'active', 'parking'),
    ends: fc.constantFrom('well', 'early', 'badly'),
    stopped: fc.boolean(),
  }),
);

async function carryOut(modes: Modes, asked: Event): Promise<void> {
  switch (asked.ask) {
    case 'connect':
    case 'activate':
      return await modes[asked.ask]();
    case 'disconnect':
      await modes.disconnect(asked.told);
      return;
    case 'move':
      await modes.during(
        asked.mode,
        async () => {
          if (asked.stopped) modes.stop();
          if (asked.ends === 'badly') throw new Error('overload');
        },
        () => asked.ends === 'well',
      );
      return;
    case 'fault':
    case 'stop':
    case 'reset':
      modes[asked.ask]();
      return;
    default:
      asked satisfies never;
  }
}

describe('whatever is asked, in any order', () => {
  it('torque needs activation, a stop needs a reset, and only parked or told arms let go (property)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
        const robot = new FakeRobot();
        const seen: Mode[] = [];
        const modes = new Modes(robot, (mode) => seen.push(mode));
        let torque = false;
        for (const asked of events) {
          const before = modes.mode;
          const calls = robot.calls.length;
          const changes = seen.length;
          await carryOut(modes, asked).catch(() => {});
          const made = robot.calls.slice(calls);
          const visited = seen.slice(changes);

          if (made.includes('activate')) {
            expect(asked.ask).toBe('activate');
            expect(before).toBe('limp');
            torque = true;
          }
          const moving = visited.some((mode) => ['aligning', 'active', 'parking'].includes(mode));
          if (moving) expect([asked.ask, before, torque]).toEqual(['move', 'holding', true]);
          if (before === 'stopped' && modes.mode !== 'stopped')
            expect(['reset', 'disconnect']).toContain(asked.ask);
          if (asked.ask === 'stop' && before !== 'disconnected') expect(modes.mode).toBe('stopped');
          if (asked.ask === 'move' && asked.stopped && moving) expect(modes.mode).toBe('stopped');
          if (made.includes('disconnect') && torque)
            expect(before === 'parked' || (asked.ask === 'disconnect' && asked.told)).toBe(true);
          // Whatever went wrong while arms had torque, they were told to hold.
          if (torque && ['faulted', 'stopped'].includes(modes.mode) && modes.mode !== before)
            expect(made.includes('hold') || before === 'stopped').toBe(true);
          if (made.includes('disconnect') || made.includes('leave stiff')) torque = false;
          expect(modes.stiff).toBe(torque);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
