/** From nothing to arms that hold, and back, around whatever they are to do. */
import type { Rig } from '../config/rig.js';
import { CONTROL_PERIOD_S } from '../contract/robot.js';
import type { StepListener } from '../contract/step.js';
import { meaningOf } from '../contract/systemError.js';
import { Limits } from '../control/limits.js';
import { ControlSession } from '../control/session.js';
import { FastClock, RealTimeClock, type Clock, type StopSignal } from '../realtime/clock.js';
import { openWorkcell, type WorkcellOptions } from './backends.js';
import { warnOfCameras } from './rigCameras.js';
import type { Workcell } from './workcell.js';

export interface CellRun extends WorkcellOptions {
  readonly rig: Rig;
  readonly pace: 'realtime' | 'fast';
  /** Emergency stop: the arms hold, and stay stiff at the end. */
  readonly stop?: StopSignal;
  /** Told what a person has to know of the arms. */
  readonly say?: (text: string) => void;
  readonly onListenerError?: (listener: StepListener, error: unknown) => void;
}

export const clockOf = (pace: CellRun['pace']): Clock =>
  pace === 'realtime' ? new RealTimeClock(CONTROL_PERIOD_S * 1000) : new FastClock();

/** What a rig allows its arms. */
function limitsOf(rig: Rig): Limits {
  const limits = new Limits();
  limits.velocityRadPerS = rig.limits.velocityRadPerS;
  return limits;
}

/** What a person has to know when arms could not be parked. */
export const LEFT_STIFF =
  "the arms were left stiff where they are: look at them, then 'alohad park' brings them to rest, or hold them and " +
  "'alohad park --limp' lets go";

/** What became of an emergency stop. */
export const describeStop = (failure: unknown): string =>
  failure === undefined
    ? 'EMERGENCY STOP: the arms hold'
    : `EMERGENCY STOP, but: ${meaningOf(failure)}. Switch the arms off`;

/** A session with the cell's robot, which is not connected yet. */
export function sessionOf(
  cell: Workcell,
  { rig, pace, stop = { aborted: false }, say, onListenerError }: CellRun,
): ControlSession {
  return new ControlSession({
    robot: cell.robot,
    clock: clockOf(pace),
    limits: limitsOf(rig),
    listeners: [],
    // Episodes are stopped one by one: whoever stops them wants the arms parked.
    stop,
    onStopped: (failure) => say?.(describeStop(failure)),
    onMode: () => {},
    ...(onListenerError && { onListenerError }),
  });
}

/**
 * The arms hold when `work` begins. Whatever happens, they are parked, limp and disconnected at the end; where they could
 * not be parked they stay stiff.
 */
export async function withWorkcell<Result>(
  run: CellRun,
  work: (cell: Workcell, session: ControlSession) => Promise<Result>,
): Promise<Result> {
  const cell = await openWorkcell(run.rig, run);
  warnOfCameras(cell, (text) => run.say?.(text));
  const session = sessionOf(cell, run);
  try {
    await session.connect();
    await session.activate();
    return await work(cell, session);
  } finally {
    try {
      const mayFall = !(await cell.park(() => session.park()));
      if (await session.release(!mayFall)) run.say?.(LEFT_STIFF);
    } finally {
      await cell.close();
    }
  }
}
