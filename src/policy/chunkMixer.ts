import type { ActionChunk } from '../contract/policy.js';

/** Makes one action of the chunks predicted so far. Keyed by absolute control steps: a late chunk is used where it fits. */
export interface ChunkMixer {
  /** Forgets all chunks. */
  reset(): void;
  /** Takes a chunk, newer than all before; copies what it keeps. Does not allocate. */
  add(chunk: ActionChunk): void;
  /** Writes the action for `step` into `out` (14,); false when no chunk covers it. Does not allocate. */
  at(step: number, out: Float64Array): boolean;
}
