/** What the control thread tells of itself and its robot, as everybody is told it. */
import type { DaemonState } from '../../contract/apiState.js';

/** Of a robot, once it is connected. */
export type ToldCell = Pick<DaemonState, 'cameras' | 'intrinsics' | 'judges'>;
/** Now and then. */
export type ToldLoop = Pick<DaemonState, 'loop' | 'servos' | 'webcams'>;

const NO_TIMING = { count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 } as const;

/** Before it told anything. */
export const NOTHING_TOLD: ToldCell & ToldLoop = {
  cameras: [],
  intrinsics: {},
  judges: false,
  loop: {
    ticks: 0,
    missed: 0,
    late: NO_TIMING,
    lateHistogram: [],
    busy: NO_TIMING,
    stopping: NO_TIMING,
    latency: NO_TIMING,
    recorder: null,
  },
  servos: [],
  webcams: [],
};
