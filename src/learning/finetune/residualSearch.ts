/**
 * Searches the constant offset of the last chunk that solves most (facts, section 4 rank 1): sequential halving, which
 * tries many offsets on few states and few offsets on many. Source: Karnin, Koren, Somekh 2013, with more states per
 * round in place of a fixed budget per round.
 */

/** A round of the search. */
export interface Round {
  /** Recorded states that every offset is tried from. */
  readonly states: number;
  /** Offsets that stay. */
  readonly keep: number;
}

export const ROUNDS: readonly Round[] = [
  { states: 6, keep: 10 },
  { states: 12, keep: 4 },
  { states: 40, keep: 1 },
];

export interface SearchedOffset<O extends Offset> {
  readonly offset: O;
  /** Of the last round. */
  readonly solved: number;
  readonly states: number;
  /** What no offset solves of the same states. */
  readonly unshifted: number;
  readonly branches: number;
}

/** Coordinates of an offset [m]. */
export type Offset = readonly number[];

/**
 * The first of `candidates` is no offset at all: it stays to the end to be compared with. Where offsets solve equally
 * many those in the middle of the best win, as they have most room on all sides.
 * `solves`: plays every pair of offset and state.
 */
export async function searchResidual<O extends Offset>(
  candidates: readonly O[],
  stateCount: number,
  solves: (pairs: readonly (readonly [offset: O, state: number])[]) => Promise<readonly boolean[]>,
  onRound: (round: number, left: number) => void = () => {},
  rounds: readonly Round[] = ROUNDS,
): Promise<SearchedOffset<O>> {
  const [none] = candidates;
  if (none === undefined) throw new RangeError('a search needs candidates');
  let left = candidates.slice(1);
  let branches = 0;
  let result: SearchedOffset<O> | undefined;
  for (const [number, { states, keep }] of rounds.entries()) {
    const tried = Array.from({ length: Math.min(states, stateCount) }, (_, state) => state);
    const offsets = [none, ...left];
    const outcomes = await solves(
      offsets.flatMap((offset) => tried.map((state) => [offset, state] as const)),
    );
    branches += outcomes.length;
    const scores = offsets.map(
      (_, i) => outcomes.slice(i * tried.length, (i + 1) * tried.length).filter(Boolean).length,
    );
    const [unshifted, ...others] = scores;
    const best = Math.max(...others);
    const middle = centroid(left.filter((_, i) => others[i] === best));
    const order = left
      .map((offset, i) => ({ offset, solved: others[i]!, away: distance(offset, middle) }))
      .sort((a, b) => b.solved - a.solved || a.away - b.away);
    result = {
      offset: best > unshifted! ? order[0]!.offset : none,
      solved: Math.max(best, unshifted!),
      states: tried.length,
      unshifted: unshifted!,
      branches,
    };
    left = order.slice(0, keep).map(({ offset }) => offset);
    onRound(number + 1, left.length);
  }
  return result!;
}

const centroid = (offsets: readonly Offset[]): Offset =>
  offsets[0]!.map((_, axis) => offsets.reduce((sum, offset) => sum + offset[axis]!, 0) / offsets.length);

const distance = (a: Offset, b: Offset): number => Math.hypot(...a.map((value, axis) => value - b[axis]!));
