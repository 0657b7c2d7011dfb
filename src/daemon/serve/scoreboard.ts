/** What the episodes of a run came to. */
import type { LoopState, RunState } from '../../contract/apiState.js';
import { wilson } from '../../learning/statistics.js';
import type { EpisodeResult, SourceChoice } from '../controlJob.js';
import type { RunPlan } from './runs.js';

const NO_TIMING = { count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 } as const;

/** Before the control thread told anything. */
export const NO_LOOP: LoopState = {
  ticks: 0,
  missed: 0,
  late: NO_TIMING,
  lateHistogram: [],
  busy: NO_TIMING,
  stopping: NO_TIMING,
  latency: NO_TIMING,
  recorder: null,
};

function nameOf(source: SourceChoice): string {
  switch (source.kind) {
    case 'policy':
      return source.folder;
    case 'replay':
      return source.path;
    case 'script':
    case 'teleop':
      return source.kind;
    default:
      return source satisfies never;
  }
}

export class Scoreboard {
  readonly #plan: RunPlan;
  readonly #results: EpisodeResult[] = [];
  /** Told ten times a second, so made once per episode. */
  #state: RunState;

  constructor(plan: RunPlan) {
    this.#plan = plan;
    this.#state = this.#count();
  }

  get state(): RunState {
    return this.#state;
  }

  add(result: EpisodeResult): void {
    this.#results.push(result);
    this.#state = this.#count();
  }

  #count(): RunState {
    const { source, starts } = this.#plan;
    const successes = this.#results.filter(({ outcome }) => outcome.success).length;
    const { low, high } = wilson(successes, this.#results.length);
    return {
      source: nameOf(source),
      wanted: starts.length,
      done: this.#results.length,
      successes,
      wilson95: [low, high],
      episodes: this.#results.map(({ seed, outcome, recorded }) => ({
        seed,
        maxReward: outcome.maxReward,
        success: outcome.success,
        ...(recorded !== undefined && { recorded }),
      })),
    };
  }

  /** One line for people. */
  get summary(): string {
    const { done, successes, wilson95 } = this.state;
    const [low, high] = wilson95.map((bound) => `${(100 * bound).toFixed(0)} %`);
    return `${successes} of ${done} succeeded (95 % interval ${low} to ${high})`;
  }
}
