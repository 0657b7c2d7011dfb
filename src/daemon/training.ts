/** Behaviour cloning as the `train` verb runs it: episodes and configuration in, checkpoints and curves out. */
import { readYaml } from '../config/yamlFile.js';
import { AlohadError, UsageError } from '../contract/errors.js';
import { EpisodeStore } from '../episodes/episodeStore.js';
import { encodePng } from '../imaging/png.js';
import { plotLines } from '../imaging/plot.js';
import { imitate } from '../learning/imitate.js';
import { loadEpisodes } from '../learning/loadEpisodes.js';
import { lockRun } from '../learning/runLock.js';
import { parseTrainingConfig, type TrainingConfig } from '../learning/trainingConfig.js';
import { ActConfigError } from '../network/actConfig.js';
import { ExecutionProviderError } from '../network/session.js';
import { TrainingError } from '../network/trainingError.js';
import { version } from './parts.js';
import type { RunListener } from './runListener.js';

export interface TrainRequest {
  readonly episodes: string;
  /** YAML file. */
  readonly config: string;
  readonly out: string;
  readonly resume?: true;
  /** Use the first so many episodes only. */
  readonly count?: number;
  readonly steps?: number;
  readonly seed?: number;
  readonly threads: number;
  readonly provider: 'cpu' | 'cuda' | 'webgpu';
}

export interface TrainReport {
  readonly step: number;
  readonly interrupted: boolean;
  readonly validationL1: number;
  readonly checkpoint: string;
  readonly metrics: string;
  readonly curves: string;
}

/** Throws UsageError, EpisodeError, RunBusyError, StorageError, CheckpointError. */
export async function trainPolicy(
  request: TrainRequest,
  listener: RunListener,
  signal: AbortSignal,
): Promise<TrainReport> {
  const config = readConfig(request);
  const store = EpisodeStore.open(request.episodes);
  const episodes = loadEpisodes(store, {
    task: config.task,
    ...(request.count !== undefined && { count: request.count }),
  });
  const release = lockRun(request.out);
  const result = await imitate({
    config,
    episodes,
    runFolder: request.out,
    resume: request.resume ?? false,
    threads: request.threads,
    provider: request.provider,
    images: {
      url: new URL('./trainingImages.js', import.meta.url).href,
      options: { task: config.task },
    },
    provenance: {
      command: `alohad ${process.argv.slice(2).join(' ')}`,
      softwareVersion: version,
      episodes: episodes.length,
      firstSeed: episodes[0]?.info.seed,
      lastSeed: episodes.at(-1)?.info.seed,
    },
    plot: { extension: 'png', draw: (title, curves) => encodePng(plotLines(title, curves)) },
    signal,
    onLine: (line) => {
      listener.onLine(line);
    },
    onProgress: ({ step, steps, losses, validationL1, msPerStep, waitShare }) => {
      listener.onProgress(
        step,
        steps,
        `L1 ${losses.l1.toFixed(4)}, ` +
          (Number.isNaN(validationL1) ? '' : `validation ${validationL1.toFixed(4)}, `) +
          `${msPerStep.toFixed(0)} ms/step, ${Math.round(100 * waitShare)} % waiting for data`,
      );
    },
  })
    .catch((error: unknown) => {
      throw named(error);
    })
    .finally(release);
  return { ...result, curves: result.curves ?? '' };
}

function readConfig({ config: path, steps, seed }: TrainRequest): TrainingConfig {
  const config = parseTrainingConfig(readYaml(path), path);
  return { ...config, ...(steps !== undefined && { steps }), ...(seed !== undefined && { seed }) };
}

/** Errors of the network layer, which knows none of ours, as those that users are told. */
function named(error: unknown): unknown {
  if (error instanceof ActConfigError || error instanceof ExecutionProviderError) {
    return new UsageError(error.message, { cause: error });
  }
  return error instanceof TrainingError ? new AlohadError(error.message, { cause: error }) : error;
}
