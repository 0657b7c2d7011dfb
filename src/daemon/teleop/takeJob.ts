/** What the thread of takes is told, and what it tells. Everything here crosses a thread boundary. */
import type { Rig } from '../../config/rig.js';
import type { EndedTake, FollowingReport, TakePhase, TakeVerdict, TakeWord } from '../../contract/takes.js';
import type { RecordChoice } from '../controlJob.js';
import type { FailedMessage } from '../remoteError.js';

export interface TakeJob {
  readonly rig: Rig;
  /** Seed of the first take's scene; each kept take takes the next. */
  readonly seed: number;
  /** Takes to keep; Infinity: until a word ends it. */
  readonly takes: number;
  /** Longest take [steps]; Infinity: until a word ends it. */
  readonly steps: number;
  /** Nothing is recorded, and nobody judges, when absent. */
  readonly record?: RecordChoice;
}

export type ToTakes =
  | { readonly kind: 'stop' }
  | { readonly kind: 'word'; readonly phase: TakePhase; readonly word: TakeWord }
  | { readonly kind: 'verdict'; readonly verdict: TakeVerdict };

/** A take that is over for good. */
export interface TakeResult {
  readonly number: number;
  readonly steps: number;
  readonly following: FollowingReport;
  /** Where it was kept. */
  readonly path?: string;
  readonly success?: boolean;
  /** Why it is not to be learned from. */
  readonly rejected?: string;
  /** From the verdict, or the word, to everything being stored and the arms on their way to the next take [ms]. */
  readonly storedMs: number;
}

export type FromTakes =
  /** What a person has to do now, or can know. */
  | { readonly kind: 'instruction'; readonly text: string }
  | { readonly kind: 'phase'; readonly phase: TakePhase; readonly number: number }
  | { readonly kind: 'step'; readonly number: number; readonly step: number }
  /** Waits for a verdict; the arms hold. */
  | { readonly kind: 'ended'; readonly take: EndedTake }
  | { readonly kind: 'take'; readonly result: TakeResult }
  | {
      readonly kind: 'done';
      readonly interrupted: boolean;
      /** By an emergency stop. */
      readonly halted: boolean;
      readonly missed: number;
      readonly ticks: number;
    }
  | FailedMessage;
