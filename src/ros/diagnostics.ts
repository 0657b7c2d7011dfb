/** The daemon's state as diagnostic_msgs/DiagnosticArray. */
import type { ServedState } from '../contract/apiState.js';
import type { RosMessage, RosTime } from './rosPort.js';

/** diagnostic_msgs/DiagnosticStatus. */
const LEVEL = { ok: 0, warn: 1, error: 2 } as const;

interface Status {
  readonly name: string;
  readonly level: number;
  readonly message: string;
  readonly values: Readonly<Record<string, string | number>>;
}

export function diagnostics(stamp: RosTime, state: ServedState): RosMessage {
  const { arms, backend, mode, line, emergencyStop, loop, children } = state;
  const stopped = arms === 'faulted' || arms === 'lost';
  const rows: Status[] = [
    {
      name: 'alohad: arms',
      level: stopped ? LEVEL.error : emergencyStop ? LEVEL.warn : LEVEL.ok,
      message: emergencyStop ? `emergency stop by ${emergencyStop.by}` : arms,
      values: { backend, mode, line },
    },
    {
      name: 'alohad: loop',
      level: arms === 'lost' ? LEVEL.error : LEVEL.ok,
      message: `late p99 ${loop.late.p99Ms.toFixed(2)} ms`,
      values: { ticks: loop.ticks, missed: loop.missed, late_max_ms: loop.late.maxMs },
    },
    ...children.map((child) => ({
      name: `alohad: ${child.name}`,
      level: child.state === 'waiting to restart' ? LEVEL.error : LEVEL.ok,
      message: child.lastError ?? child.state,
      values: { deaths: child.deaths },
    })),
  ];
  return {
    header: { stamp, frame_id: '' },
    status: rows.map(({ values, ...row }) => ({
      ...row,
      hardware_id: backend,
      values: Object.entries(values).map(([key, value]) => ({ key, value: String(value) })),
    })),
  };
}
