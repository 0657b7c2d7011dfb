/** From nothing to arms that hold, and back, around whatever they are to do. */
import type { Rig } from '../config/rig.js';
import { CONTROL_PERIOD_S } from '../contract/robot.js';
import type { StepListener } from '../contract/step.js';
import { ALOHA_LIMITS, Limits } from '../control/limits.js';
import { ControlSession } from '../control/session.js';
import { FastClock, RealTimeClock, type Clock } from '../realtime/clock.js';
import { openWorkcell, type WorkcellOptions } from './backends.js';
import type { Workcell } from './workcell.js';

export interface CellRun extends WorkcellOptions {
  readonly rig: Rig;
  readonly pace: 'realtime' | 'fast';
  readonly onListenerError?: (listener: StepListener, error: unknown) => void;
}

export const clockOf = (pace: CellRun['pace']): Clock =>
  pace === 'realtime' ? new RealTimeClock(CONTROL_PERIOD_S * 1000) : new FastClock();

/** What a rig allows its arms. */
export const limitsOf = ({ limits }: Rig): Limits =>
  new Limits(
    ALOHA_LIMITS.map((limit) => ({ ...limit, speed: Math.min(limit.speed, limits.velocityRadPerS) })),
  );

/** The arms hold when `work` begins; whatever happens, they are parked, limp and disconnected at the end. */
export async function withWorkcell<Result>(
  { rig, pace, onListenerError, ...options }: CellRun,
  work: (cell: Workcell, session: ControlSession) => Promise<Result>,
): Promise<Result> {
  const cell = await openWorkcell(rig, options);
  const session = new ControlSession({
    robot: cell.robot,
    clock: clockOf(pace),
    limits: limitsOf(rig),
    listeners: [],
    // Episodes are stopped one by one: whoever stops them wants the arms parked.
    stop: { aborted: false },
    onMode: () => {},
    ...(onListenerError && { onListenerError }),
  });
  try {
    await session.connect();
    await session.activate();
    return await work(cell, session);
  } finally {
    try {
      await cell.park(() => session.park());
      await session.release();
    } finally {
      await cell.close();
    }
  }
}
