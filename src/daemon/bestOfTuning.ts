/** `alohad best-of`: teaches a policy to choose among offsets of its last chunk, and stores the critics with it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Rig } from '../config/rig.js';
import type { ChunkChoice } from '../contract/checkpoint.js';
import { EpisodeError, UsageError } from '../contract/errors.js';
import { storing } from '../contract/systemError.js';
import { EPISODE_STEPS } from '../contract/task.js';
import { RandomStream } from '../episodes/randomStream.js';
import { trainOffsetCritics } from '../learning/finetune/offsetCritics.js';
import { SampleLoader } from '../learning/finetune/sampleLoader.js';
import { readStoredPolicy } from '../learning/import/storedPolicy.js';
import type { Offset } from '../network/offsetChoice.js';
import { buildChoosingModel, buildFeatureModel } from '../network/policyModel.js';
import { requireNew, storeChanged } from './changedPolicy.js';
import { succeeding } from './chunkBranch.js';
import { lastChunkStates } from './lastChunkStates.js';
import { openPolicyFarm } from './policyFarm.js';
import type { RunListener } from './runListener.js';

export interface BestOfRequest {
  readonly rig: Rig;
  /** Checkpoint folder with its weights. */
  readonly policy: string;
  readonly out: string;
  /** Control step that the chunk to choose for starts at. */
  readonly lastChunk: number;
  readonly rollouts: number;
  /** Offsets tried from each state; each counts as a quarter of a roll-out. */
  readonly branches: number;
  /** Steps of the critics. */
  readonly steps: number;
  readonly seed: number;
  readonly workers: number;
}

export interface BestOfReport {
  readonly choice: ChunkChoice;
  readonly rollouts: number;
  readonly states: number;
  readonly branches: number;
  /** Of states and branches together. */
  readonly solved: number;
  readonly criticLoss: number;
}

/** The peg's gripper, across the direction of insertion. */
const ARM = 'right';
/** Standard deviation of an offset to learn from, per axis [m]. */
const OFFSET_M = 0.006;
const RADII_M = [0.004, 0.008];
const DIRECTIONS = 8;
const CANDIDATES: readonly Offset[] = [
  [0, 0, 0],
  ...RADII_M.flatMap((radius) =>
    Array.from({ length: DIRECTIONS }, (_, d): Offset => {
      const angle = (2 * Math.PI * d) / DIRECTIONS;
      return [0, radius * Math.cos(angle), radius * Math.sin(angle)];
    }),
  ),
];
const MARGIN = 0.1;
const LEAST_STATES = 20;

/** Throws CheckpointError, UsageError, StorageError, EpisodeError, TrainingError, Interrupted. */
export async function tuneBestOf(
  request: BestOfRequest,
  listener: RunListener,
  signal: AbortSignal,
): Promise<BestOfReport> {
  const { rig, policy, out, lastChunk, rollouts: most, seed, steps, workers } = request;
  if (rig.task !== 'insertion') throw new UsageError(`best-of is for the insertion task, not ${rig.task}`);
  requireNew(out);
  const { config, weights } = readStoredPolicy(policy);
  if (config.cameras.length === 0)
    throw new UsageError(`${policy} sees no images; best-of chooses by what cameras show`);
  const folder = storing(tmpdir(), () => mkdtempSync(join(tmpdir(), 'alohad-best-of-')));
  const { farm, manifest } = await openPolicyFarm(policy, rig, workers, folder, signal);
  try {
    const { states, rollouts } = await lastChunkStates(
      { rig, lastChunk, seed, length: EPISODE_STEPS, states: most, rollouts: most },
      LEAST_STATES,
      farm,
      listener,
    );
    const random = RandomStream.of(seed, 'best-of');
    const offset = (): Offset => [0, OFFSET_M * random.normal(), OFFSET_M * random.normal()];
    const drawn = states.flatMap((state) =>
      Array.from({ length: request.branches }, () => ({ state, offset: offset() })),
    );
    listener.onLine(`${states.length} states of the last chunk, branched ${drawn.length} times`);
    const outcomes = await succeeding(
      farm,
      drawn.map(({ state, offset: by }) => state.branch(ARM, by)),
    );
    const tried = [
      ...states.map(({ path, solved }) => ({ path, step: lastChunk, offset: CANDIDATES[0]!, solved })),
      ...drawn.map(({ state, offset: by }, i) => ({
        path: state.path,
        step: lastChunk,
        offset: by,
        solved: outcomes[i]!,
      })),
    ];
    const solved = tried.filter((one) => one.solved).length;
    listener.onLine(`${solved} of ${tried.length} chunks succeed`);
    if (solved === 0 || solved === tried.length)
      throw new EpisodeError(
        `${solved} of ${tried.length} chunks succeed: there is nothing to tell apart. Play more --rollouts`,
      );
    const chunks = new SampleLoader({
      chunkSize: config.chunkSize,
      images: manifest.images,
      source: {
        url: new URL('./trainingImages.js', import.meta.url).href,
        options: { task: rig.task },
      },
      environmentSize: 0,
      featureModel: buildFeatureModel(config, weights),
      cacheMegabytes: 1000,
      disk: { folder, megabytes: 8000 },
    });
    try {
      const critic = await trainOffsetCritics(tried, chunks, {
        // Object poses are for the actor's auxiliary loss alone.
        actor: { ...config, environmentStateSize: 0, cvae: false },
        steps,
        seed,
        threads: workers,
        signal,
        onStep: (step, loss) => {
          listener.onProgress(step, steps, `critics' loss ${loss.toFixed(3)}`);
        },
      });
      const choice: ChunkChoice = { fromStep: lastChunk, arm: ARM, offsetsM: CANDIDATES, margin: MARGIN };
      const model = buildChoosingModel(config, weights, critic, CANDIDATES);
      storeChanged(policy, { ...manifest, choice }, out, model);
      const { loss } = critic;
      return { choice, rollouts, states: states.length, branches: drawn.length, solved, criticLoss: loss };
    } finally {
      await chunks.close();
    }
  } finally {
    await farm.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
