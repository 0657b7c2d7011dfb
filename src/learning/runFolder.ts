/**
 * The folder of a training run: `config.json`, `checkpoints/step_NNNNNNNN/`, `metrics.jsonl`, curves.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import { CheckpointError, StorageError, UsageError } from '../contract/errors.js';
import type { LearnerState } from '../network/learner.js';
import type { CheckpointContent } from './checkpointFolder.js';
import { checkpointName, checkpointSteps, readTrainerState, writeCheckpoint } from './checkpointFolder.js';
import type { TrainingConfig } from './trainingConfig.js';

/** One line of a plot. */
export interface Curve {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** Draws curves; the composition gives it, as learning knows no pictures. */
export interface CurvePlot {
  /** Name ending of the file: `png` or `svg`. */
  readonly extension: string;
  draw(title: string, curves: readonly Curve[]): Uint8Array;
}

type Metrics = { readonly step: number } & Readonly<Record<string, number>>;

export class RunFolder {
  readonly #folder: string;
  readonly #config: TrainingConfig;
  /** Where to go on from; absent for a new run. */
  readonly state: LearnerState | undefined;
  readonly #metrics: Metrics[];

  private constructor(
    folder: string,
    config: TrainingConfig,
    state: LearnerState | undefined,
    metrics: Metrics[],
  ) {
    this.#folder = folder;
    this.#config = config;
    this.state = state;
    this.#metrics = metrics;
  }

  /** Throws UsageError when there is a run already and `resume` is off, or it had another configuration. */
  static open(folder: string, config: TrainingConfig, resume: boolean): RunFolder {
    const configPath = join(folder, 'config.json');
    const checkpoints = join(folder, 'checkpoints');
    const step = checkpointSteps(checkpoints).at(-1);
    if (!resume) {
      if (step !== undefined) {
        throw new UsageError(
          `${folder} holds a run already (step ${step}); add --resume or give another --out`,
        );
      }
      try {
        mkdirSync(checkpoints, { recursive: true });
        writeFileSync(configPath, JSON.stringify(config, null, 2) + '\n');
        rmSync(join(folder, 'metrics.jsonl'), { force: true });
      } catch (error) {
        throw new StorageError(`cannot write to ${folder}: ${String(error)}`, { cause: error });
      }
      return new RunFolder(folder, config, undefined, []);
    }
    if (step === undefined)
      throw new CheckpointError(`${folder} has no checkpoint to resume from; start without --resume`);
    requireSameRun(configPath, config);
    const state = readTrainerState(join(checkpoints, checkpointName(step)));
    // What was logged behind the checkpoint will happen again.
    const metrics = readMetrics(join(folder, 'metrics.jsonl')).filter((line) => line.step <= step);
    writeFileSync(join(folder, 'metrics.jsonl'), metrics.map((line) => JSON.stringify(line) + '\n').join(''));
    return new RunFolder(folder, config, state, metrics);
  }

  get metricsPath(): string {
    return join(this.#folder, 'metrics.jsonl');
  }

  /** NaN when there was no validation yet. */
  get lastValidationL1(): number {
    return this.#metrics.findLast((line) => 'validationL1' in line)?.['validationL1'] ?? NaN;
  }

  checkpointPath(step: number): string {
    return join(this.#folder, 'checkpoints', checkpointName(step));
  }

  curvesPath(plot: CurvePlot): string {
    return join(this.#folder, `curves.${plot.extension}`);
  }

  /** Appends a line to the metrics. A full disk loses the line, not the run. */
  log(line: Metrics): void {
    this.#metrics.push(line);
    try {
      appendFileSync(this.metricsPath, JSON.stringify(line) + '\n');
    } catch {
      return;
    }
  }

  /** Throws StorageError. The oldest beyond `keepCheckpoints` are deleted. */
  writeCheckpoint(step: number, content: CheckpointContent): void {
    writeCheckpoint(this.checkpointPath(step), content);
    const old = checkpointSteps(join(this.#folder, 'checkpoints')).slice(0, -this.#config.keepCheckpoints);
    for (const gone of old) rmSync(this.checkpointPath(gone), { recursive: true, force: true });
  }

  plotCurves(plot: CurvePlot | undefined): void {
    if (!plot) return;
    const curves = ['l1', 'validationL1'].map((name) => ({
      name,
      points: this.#metrics.flatMap((line) =>
        line[name] === undefined ? [] : [{ x: line.step, y: line[name] }],
      ),
    }));
    writeFileSync(this.curvesPath(plot), plot.draw(this.#config.name, curves));
  }
}

/** A resumed run may be longer than planned, but must not differ in anything that made the weights. */
function requireSameRun(path: string, config: TrainingConfig): void {
  const before: unknown = JSON.parse(readFileSync(path, 'utf8'));
  const now: unknown = JSON.parse(JSON.stringify(config));
  const changed = Object.keys({ ...asRecord(before), ...asRecord(now) }).filter(
    (key) =>
      !['steps', 'checkpointEvery', 'keepCheckpoints', 'loader'].includes(key) &&
      !isDeepStrictEqual(asRecord(before)[key], asRecord(now)[key]),
  );
  if (changed.length > 0) {
    throw new UsageError(
      `the run was started with another configuration (${changed.join(', ')} changed); give the same, or another --out`,
    );
  }
}

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? { ...value } : {};

function readMetrics(path: string): Metrics[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line): Metrics => JSON.parse(line));
}
