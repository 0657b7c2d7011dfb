/** Steps of long work: counted and shown, with room in between for Ctrl-C. */
import { setImmediate } from 'node:timers/promises';
import { Interrupted } from '../contract/errors.js';
import type { RunListener } from './runListener.js';

/**
 * To be called after each part of the work; parts sum up to `total`. `detail` says how far it is. Throws Interrupted
 * once `signal` is aborted.
 */
export function pacer(
  listener: RunListener,
  signal: AbortSignal,
  total: number,
  detail: () => string,
): (part?: number) => Promise<void> {
  let done = 0;
  return async (part = 1) => {
    await setImmediate();
    if (signal.aborted) throw new Interrupted(`interrupted: ${detail()} done, nothing is left half-written`);
    done += part;
    // Parts may be fractions, whose sum is not exact.
    listener.onProgress(total - done < 1e-6 ? total : done, total, detail());
  };
}
