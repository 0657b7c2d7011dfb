/** Teleoperation at a keyboard: takes in a thread of their own, and the person who leads on this side. */
import type { Rig } from '../../config/rig.js';
import { Interrupted } from '../../contract/errors.js';
import { CONTROL_PERIOD_S } from '../../contract/robot.js';
import type { Operator, TakePhase } from '../../contract/takes.js';
import type { RecordChoice } from '../controlJob.js';
import type { RunListener } from '../runListener.js';
import { runThread } from '../workThread.js';
import type { FromTakes, TakeJob, TakeResult, ToTakes } from './takeJob.js';

export interface TakesRequest {
  readonly rig: Rig;
  readonly seed: number;
  /** Takes to keep; absent: until the person stops. */
  readonly episodes?: number;
  /** Longest take; absent: until the person ends it. */
  readonly seconds?: number;
  /** Absent: nothing is recorded. */
  readonly record?: Pick<RecordChoice, 'directory' | 'images'>;
}

/** The result, as `--json` writes it. */
export interface TakesReport {
  readonly takes: readonly TakeResult[];
  readonly kept: number;
  readonly successes: number;
  /** Kept, but not to be learned from. */
  readonly rejected: number;
  /** Longest time from a verdict to a take being stored [ms]. */
  readonly storedMaxMs: number;
  readonly ticks: number;
  readonly missed: number;
  readonly interrupted: boolean;
  /** By an emergency stop. */
  readonly halted: boolean;
}

const HELP: Readonly<Record<TakePhase, string>> = {
  before: 'Enter also begins, Esc ends, space: EMERGENCY STOP',
  during: 'right arrow: end and keep; left arrow: again; Esc: end, and no more; space: EMERGENCY STOP',
};

/** Throws RigError without leaders, ArmError, StorageError and what scenes throw. */
export async function runTakes(
  { rig, seed, episodes = Infinity, seconds = Infinity, record }: TakesRequest,
  operator: Operator,
  listener: RunListener,
  signal: AbortSignal,
): Promise<TakesReport> {
  const job: TakeJob = {
    rig,
    seed,
    takes: episodes,
    steps: seconds === Infinity ? Infinity : Math.round(seconds / CONTROL_PERIOD_S),
    ...(record && { record: { ...record, keep: 'all' } }),
  };
  const results: TakeResult[] = [];
  const kept = (): readonly TakeResult[] => results.filter(({ path }) => path !== undefined);
  const usable = (): number => kept().filter(({ rejected }) => rejected === undefined).length;
  let asked = new AbortController();
  let failure: unknown;
  const failed = new AbortController();
  /** Asks the person until something else is asked. Ctrl-C reaches the thread by itself. */
  const ask = (question: (until: AbortSignal) => Promise<void>): void => {
    asked.abort();
    asked = new AbortController();
    question(AbortSignal.any([signal, asked.signal])).catch((error: unknown) => {
      if (error instanceof Interrupted) return;
      failure ??= error;
      failed.abort();
    });
  };

  try {
    const { interrupted, halted, missed, ticks } = await runThread<FromTakes>(
      new URL('./takeWorker.js', import.meta.url),
      job,
      (event, send) => {
        const post = (answer: ToTakes): void => send(answer);
        switch (event.kind) {
          case 'instruction':
            listener.onLine(event.text);
            return;
          case 'phase':
            if (event.phase === 'during' || event.number === 1) listener.onLine(HELP[event.phase]);
            ask(async (until) => {
              const { phase } = event;
              // An emergency stop may come after any other word.
              for (;;) post({ kind: 'word', phase, word: await operator.word(phase, until) });
            });
            return;
          case 'step':
            listener.onProgress(
              usable(),
              episodes,
              `take ${event.number}: ${(event.step * CONTROL_PERIOD_S).toFixed(1)} s`,
            );
            return;
          case 'ended':
            ask(async (until) => {
              post({ kind: 'verdict', verdict: await operator.judge(event.take, until) });
            });
            return;
          case 'take':
            results.push(event.result);
            listener.onLine(describe(event.result, record !== undefined));
            return;
          default:
            event satisfies never;
        }
      },
      AbortSignal.any([signal, failed.signal]),
    );
    if (failure !== undefined) throw failure;
    return {
      takes: results,
      kept: kept().length,
      successes: kept().filter(({ success }) => success).length,
      rejected: kept().length - usable(),
      storedMaxMs: Math.max(0, ...results.map(({ storedMs }) => storedMs)),
      ticks,
      missed,
      interrupted,
      halted,
    };
  } finally {
    asked.abort();
  }
}

function describe({ number, steps, path, success, rejected }: TakeResult, recorded: boolean): string {
  const length = `take ${number}, ${(steps * CONTROL_PERIOD_S).toFixed(1)} s`;
  if (!recorded) return `${length}, is over`;
  if (path === undefined) return `${length}, is thrown away`;
  if (rejected !== undefined) return `${length}, is REJECTED: ${rejected} (${path})`;
  return `${length}, is kept as a ${success ? 'success' : 'failure'}: ${path}`;
}
