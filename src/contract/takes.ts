/** Takes: episodes in which a person leads, and what that person says about them. */

/** Said in the course of a take, by keys that LeRobot's users know. */
export type TakeWord =
  /** Enter, instead of closing both leaders' hands. */
  | 'begin'
  /** Right arrow: it is over, and to be kept. */
  | 'keep'
  /** Left arrow: throw it away and do it again. */
  | 'again'
  /** Esc: it is over, and the last one. */
  | 'stop'
  /** Space: EMERGENCY STOP. */
  | 'halt';

/** `before`: the arms wait for a take to begin; `during`: it runs. */
export type TakePhase = 'before' | 'during';

/** Middle and tail of what was measured. */
export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

/** How followers followed. */
export interface FollowingReport {
  /** Distance between goal and joint in a tick, the largest of the arms' joints [rad]; grippers left out. */
  readonly errorRad: Spread;
  /** From command to motion [ms]. */
  readonly delayMs: Spread;
}

/** A take that is over and not judged yet. */
export interface EndedTake {
  /** Counted from 1, repeated ones included. */
  readonly number: number;
  readonly seconds: number;
  /** Highest reward so far; absent where nobody gives rewards. */
  readonly maxReward?: number;
}

export type TakeVerdict =
  /** `success` absent: nobody said; the reward decides, where there is one. */
  { readonly keep: true; readonly success?: boolean; readonly note: string } | { readonly keep: false };

/** The person who leads, as the program sees them. Both throw Interrupted when `signal` aborts. */
export interface Operator {
  /** The next thing said that means something in this phase; pending for ever when nobody can say anything. */
  word(phase: TakePhase, signal: AbortSignal): Promise<TakeWord>;
  judge(take: EndedTake, signal: AbortSignal): Promise<TakeVerdict>;
}
