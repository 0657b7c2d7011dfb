/** Failure taxonomy: why a recorded episode failed, told from the simulator's state. */
import type { EpisodeData } from '../contract/episode.js';
import type { TaskName } from '../contract/task.js';
import type { Failure, FailureKind } from './failures/failure.js';
import { FAILURE_KINDS } from './failures/failure.js';
import { insertionFailure } from './failures/insertionFailure.js';
import type { Played } from './failures/objectTrack.js';
import { transferCubeFailure } from './failures/transferCubeFailure.js';

export type { Failure, FailureKind, Fit } from './failures/failure.js';

const EXPLAIN: Readonly<Record<TaskName, (episode: Played) => Failure>> = {
  insertion: insertionFailure,
  transfer_cube: transferCubeFailure,
};

/** Why the episode failed; undefined when it succeeded. Episodes without object poses are `unknown`. */
export function failureOf(episode: Played & Pick<EpisodeData, 'info' | 'outcome'>): Failure | undefined {
  const { info, outcome, steps, environmentState } = episode;
  if (outcome.success) return undefined;
  if (steps === 0 || environmentState.length === 0)
    return { kind: 'unknown', text: 'not recorded where the objects were', step: Math.max(0, steps - 1) };
  return EXPLAIN[info.task](episode);
}

/** How often each kind occurs, most frequent first. */
export function countFailures(
  failures: readonly Pick<Failure, 'kind'>[],
): readonly { readonly kind: FailureKind; readonly count: number }[] {
  return FAILURE_KINDS.map((kind) => ({
    kind,
    count: failures.filter((failure) => failure.kind === kind).length,
  }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
}
