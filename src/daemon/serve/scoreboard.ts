/** What the episodes of a run came to. */
import type { RunState } from '../../contract/apiState.js';
import { wilson } from '../../learning/statistics.js';
import type { EpisodeResult, SourceChoice } from '../controlJob.js';
import type { RunPlan } from './runs.js';

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
  readonly #judges: boolean;
  readonly #results: EpisodeResult[] = [];
  /** What a person said, by recording: it goes before what the task did. */
  readonly #labels = new Map<string, boolean>();
  /** Told ten times a second, so made once per episode. */
  #state: RunState;

  /** @param judges whether the task's own verdicts are any: on a real robot nothing gives rewards */
  constructor(plan: RunPlan, judges: boolean) {
    this.#plan = plan;
    this.#judges = judges;
    this.#state = this.#count();
  }

  get state(): RunState {
    return this.#state;
  }

  add(result: EpisodeResult): void {
    this.#results.push(result);
    this.#state = this.#count();
  }

  /** A person's verdict on an episode that was recorded; others are no matter of this run. */
  label(recording: string, success: boolean): void {
    if (!this.#results.some(({ recorded }) => recorded === recording)) return;
    this.#labels.set(recording, success);
    this.#state = this.#count();
  }

  #verdict({ outcome, recorded }: EpisodeResult): boolean | null {
    const label = recorded === undefined ? undefined : this.#labels.get(recorded);
    return label ?? (this.#judges ? outcome.success : null);
  }

  #count(): RunState {
    const { source, starts } = this.#plan;
    const verdicts = this.#results.map((result) => this.#verdict(result));
    const judged = verdicts.filter((verdict) => verdict !== null).length;
    const successes = verdicts.filter((verdict) => verdict === true).length;
    const { low, high } = wilson(successes, judged);
    return {
      source: nameOf(source),
      wanted: starts.length,
      done: this.#results.length,
      judged,
      successes,
      wilson95: [low, high],
      episodes: this.#results.map(({ seed, outcome, recorded }, i) => ({
        seed,
        maxReward: outcome.maxReward,
        success: verdicts[i] ?? null,
        ...(recorded !== undefined && { recorded }),
      })),
    };
  }

  /** One line for people. */
  get summary(): string {
    const { done, judged, successes, wilson95 } = this.state;
    if (done > 0 && judged === 0) return `${done} done; nothing here tells a success`;
    const [low, high] = wilson95.map((bound) => `${(100 * bound).toFixed(0)} %`);
    return `${successes} of ${judged} succeeded (95 % interval ${low} to ${high})`;
  }
}
