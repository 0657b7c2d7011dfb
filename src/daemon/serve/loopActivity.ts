/** What the daemon is doing, and how it is ended. */
import type { DaemonMode } from '../../contract/apiState.js';

export interface Activity {
  readonly mode: DaemonMode;
  /** Resolves once the arms hold. */
  end(): Promise<void>;
}

/**
 * Work of the control loop, which `abort` ends.
 * @param finished resolves when the work has ended, however it did
 * @param ending told before it is aborted
 */
export const loopActivity = (
  mode: DaemonMode,
  finished: Promise<void>,
  abort: { set(on: boolean): void },
  ending: () => void,
): Activity => ({
  mode,
  end: async () => {
    ending();
    abort.set(true);
    await finished;
    abort.set(false);
  },
});
