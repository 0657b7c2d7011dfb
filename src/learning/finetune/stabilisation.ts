/**
 * Adaptive stabilisation: more cloning when success falls, bolder reinforcement when the critic can be trusted
 * (facts, section 2.3). Decided every fifty roll-outs.
 */
import type { CriticQuality } from './criticReport.js';

export const DECIDE_EVERY = 50;

/** Weight of a roll-out in the running success. */
const EWMA = 1 / 50;

const MAX_IMITATION = 4;
const MAX_GAMMA = 10;
const MAX_ACTOR_STEPS = 4;
/** A critic that is wrong, and that over-estimates, less often than this can be trusted. */
const TRUSTED = 0.1;

/** Factors on the configured settings. */
export interface Stabilisation {
  /** On cloning steps: 1, 2 or 4. */
  readonly imitation: number;
  /** On the weight of the critic's term. */
  readonly gamma: number;
  /** Actor steps after each roll-out. */
  readonly actorSteps: number;
}

export interface StabiliserState extends Stabilisation {
  /** Running success, and the best there was. */
  readonly success: number;
  readonly best: number;
  /** Decisions in a row that found success fallen. */
  readonly fallen: number;
}

export const STABLE: StabiliserState = {
  imitation: 1,
  gamma: 1,
  actorSteps: 1,
  success: 0,
  best: 0,
  fallen: 0,
};

/** Running success after one more roll-out; the first ones are averaged plainly. */
export function withOutcome(state: StabiliserState, index: number, success: boolean): StabiliserState {
  const weight = Math.max(EWMA, 1 / (index + 1));
  return { ...state, success: state.success + weight * ((success ? 1 : 0) - state.success) };
}

/** The next settings, and whether the weights of the best time should come back. */
export function decide(
  state: StabiliserState,
  quality: CriticQuality | undefined,
): { readonly state: StabiliserState; readonly restore: boolean } {
  const { success, best } = state;
  const noise = 2 * Math.sqrt((best * (1 - best)) / DECIDE_EVERY);
  if (success < best - noise) {
    const fallen = state.fallen + 1;
    return {
      state: {
        ...state,
        imitation: Math.min(MAX_IMITATION, 2 * state.imitation),
        gamma: state.gamma / 2,
        fallen: fallen === 2 ? 0 : fallen,
      },
      restore: fallen === 2,
    };
  }
  const trusted =
    quality !== undefined && quality.balancedError < TRUSTED && quality.overEstimation < TRUSTED;
  return {
    state: {
      ...state,
      best: Math.max(best, success),
      fallen: 0,
      ...(trusted && {
        gamma: Math.min(MAX_GAMMA, 1.5 * state.gamma),
        actorSteps: Math.min(MAX_ACTOR_STEPS, state.actorSteps + 1),
      }),
    },
    restore: false,
  };
}
