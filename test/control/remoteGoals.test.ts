import { describe, expect, it } from 'vitest';
import { RemoteGoals } from '#alohad/control/remoteGoals.js';
import { CONTROL_PERIOD_S, DOF } from '#alohad/contract/robot.js';

/** Peak speed of a slow ramp [rad/s]; source: align.ts. */
const SLOW = 0.8;

const goals = (): RemoteGoals => new RemoteGoals(new Float64Array(DOF));

const move = (position: number, timeS = CONTROL_PERIOD_S) => ({
  joints: [1],
  points: [{ timeS, positions: [position] }],
});

/** Joint 1 over so many ticks. */
const played = (source: RemoteGoals, ticks: number): number[] =>
  Array.from({ length: ticks }, () => source.decide()[1]!);

const fastest = (path: readonly number[], from = 0): number =>
  Math.max(...path.map((value, i) => Math.abs(value - (path[i - 1] ?? from)))) / CONTROL_PERIOD_S;

describe('RemoteGoals', () => {
  it('stays until something is asked, and moves only what is named', () => {
    const source = new RemoteGoals(new Float64Array(DOF).fill(0.3));
    expect([...source.decide()]).toEqual(Array.from({ length: DOF }, () => 0.3));
    source.take(move(0.5));
    for (let tick = 0; tick < 200; tick++) source.decide();
    expect([...source.decide()]).toEqual([0.3, 0.5, ...Array.from({ length: DOF - 2 }, () => 0.3)]);
  });

  it('goes slowly to a goal that is far and due at once', () => {
    const source = goals();
    source.take(move(1));
    const path = played(source, 200);
    expect(fastest(path)).toBeLessThanOrEqual(SLOW * 1.01);
    expect(path.at(-1)).toBe(1);
  });

  it('goes just as slowly when the goal is repeated at every tick', () => {
    const source = goals();
    const path = Array.from({ length: 200 }, () => {
      source.take(move(1));
      return source.decide()[1]!;
    });
    expect(fastest(path)).toBeLessThanOrEqual(SLOW * 1.01);
    expect(path.at(-1)).toBe(1);
  });

  it('follows a stream of small steps at once', () => {
    const source = goals();
    let worst = 0;
    for (let tick = 0; tick < 200; tick++) {
      const asked = 0.5 * Math.sin(tick * CONTROL_PERIOD_S * 4);
      source.take(move(asked));
      worst = Math.max(worst, Math.abs(source.decide()[1]! - asked));
    }
    expect(worst).toBeLessThan(1e-9);
  });

  it('makes a slow ramp of a jump in a stream, and of a stream that begins again', () => {
    const source = goals();
    for (let tick = 0; tick < 50; tick++) {
      source.take(move(0));
      source.decide();
    }
    source.take(move(0.6));
    expect(fastest(played(source, 200))).toBeLessThanOrEqual(SLOW * 1.01);
    source.take(move(0.5));
    expect(fastest(played(source, 200), 0.6)).toBeLessThanOrEqual(SLOW * 1.01);
  });

  it('keeps the times of a trajectory that leaves time enough', () => {
    const source = goals();
    source.take({
      joints: [1],
      points: [
        { timeS: 2, positions: [0.5] },
        { timeS: 3, positions: [-0.5] },
      ],
    });
    const path = played(source, 200);
    expect(path[49]).toBeCloseTo(0.25, 9);
    expect(path[99]).toBeCloseTo(0.5, 9);
    expect(path[149]).toBeCloseTo(-0.5, 9);
    expect(path.at(-1)).toBeCloseTo(-0.5, 9);
  });

  it('never jumps when moves take each other over', () => {
    const source = goals();
    let last = 0;
    let worst = 0;
    for (const [wait, target, timeS] of [
      [10, 1, 0.02],
      [30, -1, 5],
      [60, 0.4, 0.02],
      [3, 0.45, 0.02],
      [40, 0, 0.02],
    ] as const) {
      source.take(move(target, timeS));
      for (const value of played(source, wait)) {
        worst = Math.max(worst, Math.abs(value - last) / CONTROL_PERIOD_S);
        last = value;
      }
    }
    // A stream's step of 0.05 rad is the loop's to limit.
    expect(worst).toBeLessThan(0.05 / CONTROL_PERIOD_S + SLOW);
  });
});
