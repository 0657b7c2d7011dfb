/** `alohad residual`: finds the constant offset that a policy's last chunk lacks, and stores it with the policy. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Rig } from '../config/rig.js';
import type { ChunkResidual } from '../contract/checkpoint.js';
import { UsageError } from '../contract/errors.js';
import { storing } from '../contract/systemError.js';
import { ROUNDS, searchResidual } from '../learning/finetune/residualSearch.js';
import type { Vector } from '../simulation/kinematics.js';
import { requireNew, storeChanged } from './changedPolicy.js';
import { succeeding } from './chunkBranch.js';
import { lastChunkStates } from './lastChunkStates.js';
import { openPolicyFarm } from './policyFarm.js';
import type { RunListener } from './runListener.js';

export interface ResidualRequest {
  readonly rig: Rig;
  /** Checkpoint folder with its weights. */
  readonly policy: string;
  readonly out: string;
  /** Control step that the chunk to be corrected starts at. */
  readonly lastChunk: number;
  readonly seed: number;
  readonly workers: number;
}

export interface ResidualReport {
  readonly residual: ChunkResidual | null;
  /** Of so many states that reached the last chunk, with the offset and without. */
  readonly states: number;
  readonly solved: number;
  readonly unshifted: number;
  /** Training roll-outs used, and branches of one chunk. */
  readonly rollouts: number;
  readonly branches: number;
}

/** The peg's gripper, across the direction of insertion. */
const ARM = 'right';
const ACROSS_M = [-0.008, -0.004, 0, 0.004, 0.008];
const UP_M = [-0.008, -0.004, 0, 0.004, 0.008, 0.012, 0.016];
const OFFSETS = ACROSS_M.flatMap((y) => UP_M.map((z): Vector => [0, y, z])).toSorted(
  (a, b) => Math.hypot(...a) - Math.hypot(...b),
);

const STATES = Math.max(...ROUNDS.map(({ states }) => states));
const MOST_ROLLOUTS = 150;

/** Throws CheckpointError, UsageError, StorageError, EpisodeError, Interrupted. */
export async function tuneResidual(
  request: ResidualRequest,
  listener: RunListener,
  signal: AbortSignal,
): Promise<ResidualReport> {
  const { rig, policy, out, workers } = request;
  if (rig.task !== 'insertion') throw new UsageError(`residuals are for the insertion task, not ${rig.task}`);
  requireNew(out);
  const folder = storing(tmpdir(), () => mkdtempSync(join(tmpdir(), 'alohad-residual-')));
  const { farm, manifest } = await openPolicyFarm(policy, rig, workers, folder, signal);
  try {
    const { states, rollouts } = await lastChunkStates(
      { ...request, length: manifest.chunkSize, states: STATES, rollouts: MOST_ROLLOUTS },
      ROUNDS[0]!.states,
      farm,
      listener,
    );
    const solves = async (pairs: readonly (readonly [Vector, number])[]): Promise<boolean[]> =>
      await succeeding(
        farm,
        pairs.map(([offset, state]) => states[state]!.branch(ARM, offset)),
      );
    listener.onLine(`${states.length} states of the last chunk from ${rollouts} roll-outs`);
    const { offset, ...found } = await searchResidual(OFFSETS, states.length, solves, (round, left) => {
      listener.onProgress(round, ROUNDS.length, `${left} of ${OFFSETS.length} offsets left`);
    });
    const residual: ChunkResidual | null = offset.some((value) => value !== 0)
      ? { fromStep: request.lastChunk, arm: ARM, offsetM: [offset[0], offset[1], offset[2]] }
      : null;
    if (residual) storeChanged(policy, { ...manifest, residual }, out);
    return { residual, ...found, rollouts };
  } finally {
    await farm.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
