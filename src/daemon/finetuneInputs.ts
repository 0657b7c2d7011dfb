/** What fine-tuning starts from: a policy with its weights and demonstrations, of the same robot. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Rig } from '../config/rig.js';
import { CHECKPOINT_FILES, type PolicyManifest } from '../contract/checkpoint.js';
import type { EpisodeData } from '../contract/episode.js';
import { EpisodeError, UsageError } from '../contract/errors.js';
import { type EpisodeEntry, EpisodeStore } from '../episodes/episodeStore.js';
import { readEpisode } from '../episodes/readEpisode.js';
import type { FinetuneConfig } from '../learning/finetune/finetuneConfig.js';
import { RolloutLog } from '../learning/finetune/rolloutLog.js';
import { type StoredPolicy, readStoredPolicy } from '../learning/import/storedPolicy.js';
import { seesEnvironmentState } from '../network/actConfig.js';
import type { FinetuneRequest } from './finetuneRequest.js';
import { checkpointFolder } from './parts.js';
import type { RunListener } from './runListener.js';

export interface StartPolicy extends StoredPolicy {
  readonly manifest: PolicyManifest;
}

/** Throws CheckpointError, UsageError. */
export function readStart(
  { policy, rig }: Pick<FinetuneRequest, 'policy' | 'rig'>,
  config: Pick<FinetuneConfig, 'dropout'>,
): StartPolicy {
  const folder = checkpointFolder(policy, rig.task);
  const stored = readStoredPolicy(folder);
  // Critics that chose among offsets knew the policy as it was: what learns from here on goes without them.
  const { choice: _, ...manifest }: PolicyManifest = JSON.parse(
    readFileSync(join(folder, CHECKPOINT_FILES.manifest), 'utf8'),
  );
  if (manifest.task !== rig.task)
    throw new UsageError(`${policy} is a policy for ${manifest.task}, the rig's task is ${rig.task}`);
  const { dropout = stored.config.dropout } = config;
  return { ...stored, manifest, config: { ...stored.config, dropout } };
}

/**
 * Throws what a run would end with at its start, as far as it is known without its settings and without reading every
 * demonstration: CheckpointError, UsageError, EpisodeError.
 */
export function requireInputs(request: Pick<FinetuneRequest, 'policy' | 'demonstrations' | 'rig'>): void {
  readStart(request, {});
  requireDemonstrations(request);
}

/** Whether there are any, without reading them. Throws EpisodeError. */
export function requireDemonstrations(request: Pick<FinetuneRequest, 'demonstrations' | 'rig'>): void {
  if (demonstrationsIn(EpisodeStore.open(request.demonstrations), request.rig).length === 0)
    throw noDemonstrations(request);
}

const demonstrationsIn = (store: EpisodeStore, { task }: Rig): EpisodeEntry[] =>
  store
    .list()
    .filter(({ info, outcome }) => info.task === task && outcome.success && outcome.rejected === undefined);

const noDemonstrations = ({
  demonstrations,
  rig,
}: Pick<FinetuneRequest, 'demonstrations' | 'rig'>): EpisodeError =>
  new EpisodeError(
    `${demonstrations} has no successful episodes of ${rig.task} that can be read: record some with \`alohad record\``,
  );

export interface RecordedEpisode {
  readonly path: string;
  readonly cameras: readonly string[];
  /** Whether any image can be drawn from it. */
  readonly fromStates: boolean;
}

export interface DemonstrationEntry extends RecordedEpisode {
  readonly steps: number;
  /** (T,) reward after each step. */
  readonly reward: Float64Array;
  readonly seed: number;
}

export interface Demonstrations {
  readonly entries: readonly DemonstrationEntry[];
  /** Not learned from: the validation loss is measured on them. */
  readonly heldOut: readonly DemonstrationEntry[];
}

/** One demonstration in so many may be held out where there are none to spare. */
const HELD_OUT_OF = 10;

/**
 * Reads every demonstration once: those that cannot be read are told and left out. `heldOut` of them are kept from
 * learning, where there are enough. Throws EpisodeError for too few.
 */
export function listDemonstrations(
  request: Pick<FinetuneRequest, 'demonstrations' | 'count' | 'rig'>,
  heldOut: number,
  listener: RunListener,
): Demonstrations {
  const { demonstrations: folder, count, rig } = request;
  const store = EpisodeStore.open(folder);
  const listed = demonstrationsIn(store, rig);
  for (const { path, reason } of store.unreadable) listener.onLine(`${path} is left out: ${reason}`);
  const read = ({ name, path, info }: EpisodeEntry): DemonstrationEntry[] => {
    try {
      const episode = store.read(name);
      const { steps, reward } = episode;
      return [{ ...recordedEpisode(path, episode), steps, reward, seed: info.seed }];
    } catch (error) {
      if (!(error instanceof EpisodeError)) throw error;
      listener.onLine(`${path} is left out: ${error.message}`);
      return [];
    }
  };
  const entries = listed.slice(0, count).flatMap(read);
  const spare = count === undefined ? [] : listed.slice(count, count + heldOut).flatMap(read);
  if (entries.length === 0) throw noDemonstrations(request);
  if (spare.length > 0) return { entries, heldOut: spare };
  const kept = entries.length - Math.min(heldOut, Math.floor(entries.length / HELD_OUT_OF));
  return { entries: entries.slice(0, kept), heldOut: entries.slice(kept) };
}

/** One episode of each past run that is to be learned from, by which the others are known. Throws UsageError. */
export function firstOfPriorRuns({ prior }: FinetuneConfig, { rig }: FinetuneRequest): RecordedEpisode[] {
  return prior.folders.flatMap((folder) => {
    const path = new RolloutLog(folder).entries.find((entry) => existsSync(entry.path))?.path;
    if (path === undefined) return [];
    const episode = readEpisode(path);
    const { task } = episode.info;
    if (task !== rig.task)
      throw new UsageError(
        `${folder} is a run of ${task}, the rig's task is ${rig.task}: leave it out of prior.folders`,
      );
    return [recordedEpisode(path, episode)];
  });
}

/** Emulated servos may have moved somebody else's world, of which there are no physics states. */
const recordedEpisode = (path: string, { info, physicsState }: EpisodeData): RecordedEpisode => ({
  path,
  cameras: info.cameras,
  fromStates: physicsState.length > 0,
});

/** A policy and a replay of different robots refuse each other by name: the first episode is read whole. */
export function requireSameRobot(
  start: StartPolicy,
  entries: readonly RecordedEpisode[],
  { rig }: FinetuneRequest,
): void {
  const { config, manifest } = start;
  for (const { path, cameras, fromStates } of entries) {
    const missing = manifest.images.map(({ camera }) => camera).filter((camera) => !cameras.includes(camera));
    if (!fromStates && missing.length > 0)
      throw new UsageError(
        `policy ${manifest.name} looks through ${missing.join(', ')}, which ${basename(path)} did not record`,
      );
  }
  const [first] = entries;
  const episode = readEpisode(first!.path);
  const width = episode.qpos.length / episode.steps;
  if (width !== config.stateSize)
    throw new UsageError(
      `policy ${manifest.name} reads ${config.stateSize} joints, ${basename(first!.path)} has ${width}: other joint order or robot`,
    );
  const objects = episode.environmentState.length / episode.steps;
  if (seesEnvironmentState(config) && objects !== config.environmentStateSize)
    throw new UsageError(
      `policy ${manifest.name} reads ${config.environmentStateSize} numbers of object poses, ${basename(first!.path)} has ${objects}`,
    );
  // Normalised actions of a policy and its data must lie in the same range: a unit or gripper convention that differs
  // shows here.
  const { mean, std } = config.normalisation.action;
  const far = mean.findIndex((center, joint) => {
    let sum = 0;
    for (let step = 0; step < episode.steps; step++) sum += episode.action[step * width + joint]!;
    return Math.abs(sum / episode.steps - center) > 6 * Math.max(std[joint]!, 0.1);
  });
  if (far >= 0)
    throw new UsageError(
      `actions of ${basename(first!.path)} lie far from what policy ${manifest.name} was normalised with (entry ${far}): ` +
        `other units, joint order or gripper convention for task ${rig.task}`,
    );
}
