/** `alohad residual`: finds the constant offset that a policy's last chunk lacks, and stores it with the policy. */
import { cpSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Rig } from '../config/rig.js';
import { CHECKPOINT_FILES, type ChunkResidual, type PolicyManifest } from '../contract/checkpoint.js';
import { EpisodeError, StorageError, UsageError } from '../contract/errors.js';
import type { RolloutSource } from '../contract/rollout.js';
import { storing } from '../contract/systemError.js';
import { EPISODE_STEPS } from '../contract/task.js';
import { readEpisode } from '../episodes/readEpisode.js';
import { NEAR_MISS } from '../learning/finetune/farming.js';
import { ROUNDS, searchResidual } from '../learning/finetune/residualSearch.js';
import type { Vector } from '../simulation/kinematics.js';
import { FIRST_TRAINING_SEED, sampleStartPose } from '../simulation/startPoses.js';
import { branchesFrom, succeeding, type OffsetBranch } from './chunkBranch.js';
import { SEEDS_PER_RUN } from './finetuneRun.js';
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
/** Roll-outs played at a time, and at most. */
const BATCH = 10;
const MOST_ROLLOUTS = 150;

/** Throws CheckpointError, UsageError, StorageError, EpisodeError, Interrupted. */
export async function tuneResidual(
  request: ResidualRequest,
  listener: RunListener,
  signal: AbortSignal,
): Promise<ResidualReport> {
  const { rig, policy, out, workers } = request;
  if (rig.task !== 'insertion') throw new UsageError(`residuals are for the insertion task, not ${rig.task}`);
  if (existsSync(out)) throw new StorageError(`${out} exists already; give another --out`);
  const folder = storing(tmpdir(), () => mkdtempSync(join(tmpdir(), 'alohad-residual-')));
  const { farm, manifest } = await openPolicyFarm(policy, rig, workers, folder, signal);
  try {
    const { states, rollouts } = await statesOfLastChunk(request, manifest.chunkSize, farm, listener);
    const solves = async (pairs: readonly (readonly [Vector, number])[]): Promise<boolean[]> =>
      await succeeding(
        farm,
        pairs.map(([offset, state]) => states[state]!(ARM, offset)),
      );
    listener.onLine(`${states.length} states of the last chunk from ${rollouts} roll-outs`);
    const { offset, ...found } = await searchResidual(OFFSETS, states.length, solves, (round, left) => {
      listener.onProgress(round, ROUNDS.length, `${left} of ${OFFSETS.length} offsets left`);
    });
    const residual: ChunkResidual | null = offset.some((value) => value !== 0)
      ? { fromStep: request.lastChunk, arm: ARM, offsetM: [offset[0], offset[1], offset[2]] }
      : null;
    if (residual) store(policy, manifest, residual, out);
    return { residual, ...found, rollouts };
  } finally {
    await farm.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Plays training poses until enough of them came to the last chunk with the peg at the socket. */
async function statesOfLastChunk(
  { rig, lastChunk, seed }: ResidualRequest,
  chunkSize: number,
  farm: RolloutSource,
  listener: RunListener,
): Promise<{ states: OffsetBranch[]; rollouts: number }> {
  const states: OffsetBranch[] = [];
  let rollouts = 0;
  while (states.length < STATES && rollouts < MOST_ROLLOUTS) {
    const first = FIRST_TRAINING_SEED + seed * SEEDS_PER_RUN + rollouts;
    const starts = Array.from({ length: BATCH }, (_, i) => sampleStartPose(rig.task, first + i));
    const played = await farm.play(starts);
    for (const [i, { path, outcome }] of played.entries()) {
      if (path === undefined || outcome.maxReward < NEAR_MISS) continue;
      const episode = readEpisode(path);
      if (lastChunk >= episode.steps)
        throw new UsageError(`--last-chunk ${lastChunk} is behind the episode's ${EPISODE_STEPS} steps`);
      states.push(branchesFrom(episode, lastChunk, chunkSize, starts[i]!, 'residual'));
    }
    rollouts += BATCH;
    listener.onProgress(Math.min(states.length, STATES), STATES, `${rollouts} roll-outs`);
  }
  if (states.length < ROUNDS[0]!.states)
    throw new EpisodeError(
      `only ${states.length} of ${rollouts} roll-outs brought the peg to the socket: there is no last chunk to correct. ` +
        'Train the policy further first',
    );
  return { states, rollouts };
}

/** A copy of the checkpoint with the residual, whole or not at all. */
function store(policy: string, manifest: PolicyManifest, residual: ChunkResidual, out: string): void {
  const part = `${out}.part`;
  storing(out, () => {
    rmSync(part, { recursive: true, force: true });
    cpSync(policy, part, { recursive: true });
    const changed: PolicyManifest = { ...manifest, parent: manifest.name, residual };
    writeFileSync(join(part, CHECKPOINT_FILES.manifest), `${JSON.stringify(changed, null, 2)}\n`);
    renameSync(part, out);
  });
}
