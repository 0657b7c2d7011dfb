/** Policies: who decides the next action, and what a chunk of actions is. */
import type { Observation } from './robot.js';

/** Decides one action per tick: a policy, a script, a replay or the leader arms. */
export interface ActionSource {
  readonly name: string;
  /** Forgets the last episode. Called before the first tick of each. */
  reset(): void;
  /**
   * The action for this tick, shape (14,): rad, grippers normalised. The array is the source's own, copy to keep.
   * `undefined` means there is nothing to do yet (the robot holds) or any more.
   */
  decide(observation: Observation): Float64Array | undefined;
  close(): Promise<void>;
}

/** k consecutive actions predicted from one observation. */
export interface ActionChunk {
  /** Control step of the observation that the chunk was predicted from; row i is meant for step + i. */
  readonly step: number;
  /** Shape (k, 14), row-major: rad, grippers normalised. */
  readonly actions: Float32Array;
  /** Of the offsets that the policy chooses among (`ChunkChoice`); absent or empty when it does not. */
  readonly scores?: Float32Array;
  /** From handing over the observation to having the chunk [ms]. */
  readonly latencyMs: number;
}
