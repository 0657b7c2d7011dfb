/**
 * An ACT policy as a source of actions: captures images, asks the inference worker for chunks and mixes them.
 *
 * Two paces. `realtime` never waits: it asks whenever the worker is free and a query is due, and uses the newest chunks
 * that are there. `lockstep` waits for each chunk before deciding: slower than life on a slow machine, deterministic.
 */
import { CheckpointError, UsageError } from '../contract/errors.js';
import type { ImageSource } from '../contract/camera.js';
import type { PolicyManifest } from '../contract/checkpoint.js';
import type { ActionChunk, ActionSource } from '../contract/policy.js';
import { DOF } from '../contract/robot.js';
import type { Observation } from '../contract/robot.js';
import { requireCameras } from './checkpoint.js';
import { ChunkExecution } from './chunkExecution.js';
import type { ChunkMixer } from './chunkMixer.js';
import type { Predictor } from './inferenceClient.js';
import { TemporalEnsemble } from './temporalEnsemble.js';

export const EXECUTION_MODES = ['ensemble', 'chunk', 'blend'] as const;
/** `ensemble`: mean of all predictions; `chunk`: open loop; `blend`: open loop, new chunks faded in. */
export type ExecutionMode = (typeof EXECUTION_MODES)[number];
export type Pace = 'realtime' | 'lockstep';

export interface ActSourceOptions {
  readonly mode: ExecutionMode;
  readonly pace: Pace;
  /**
   * Control steps between queries. Default: 1 for `ensemble`; a whole chunk for `chunk` in lockstep; otherwise half a
   * chunk, so that the next is there before the present one ends.
   */
  readonly queryEvery?: number;
  /** Steps of the cross-fade of `blend`; default 10 (0.2 s). */
  readonly fadeSteps?: number;
  /** Decay of the ensemble's weights; default 0.01. */
  readonly ensembleDecay?: number;
  /** Shown every chunk as it arrives, in the loop: copy what you keep, do not wait. */
  readonly onChunk?: (chunk: ActionChunk) => void;
}

const DEFAULT_FADE_STEPS = 10;

export class ActSource implements ActionSource {
  readonly name: string;
  readonly #manifest: PolicyManifest;
  readonly #predictor: Predictor;
  readonly #images: ImageSource;
  readonly #pace: Pace;
  readonly #queryEvery: number;
  readonly #mixer: ChunkMixer;
  readonly #onChunk: ((chunk: ActionChunk) => void) | undefined;
  readonly #action = new Float64Array(DOF);
  #nextQuery = -Infinity;

  /** Takes over the predictor and closes it with itself. Throws CameraMismatchError, UsageError. */
  constructor(
    manifest: PolicyManifest,
    predictor: Predictor,
    images: ImageSource,
    options: ActSourceOptions,
  ) {
    requireCameras(manifest, images.cameras);
    this.name = manifest.name;
    this.#manifest = manifest;
    this.#predictor = predictor;
    this.#images = images;
    this.#pace = options.pace;
    this.#queryEvery = options.queryEvery ?? defaultQueryEvery(manifest.chunkSize, options);
    this.#mixer = mixerFor(manifest.chunkSize, options);
    this.#onChunk = options.onChunk;
    if (!(this.#queryEvery >= 1 && this.#queryEvery <= manifest.chunkSize)) {
      throw new UsageError(
        `Queries every ${this.#queryEvery} steps: policy ${manifest.name} predicts ${manifest.chunkSize} steps, ` +
          `so choose 1 to ${manifest.chunkSize}.`,
      );
    }
  }

  reset(): void {
    this.#predictor.wait(); // A chunk of the last episode is of no use in the next.
    this.#mixer.reset();
    this.#nextQuery = -Infinity;
  }

  decide(observation: Observation): Float64Array | undefined {
    // Also between queries: who acts without seeing must not go on.
    for (const { camera } of this.#manifest.images) this.#images.requireFresh?.(camera);
    const { step } = observation;
    const arrived = this.#predictor.poll();
    if (arrived) this.#take(arrived);
    if (step >= this.#nextQuery && this.#predictor.idle) this.#query(observation);
    return this.#mixer.at(step, this.#action) ? this.#action : undefined;
  }

  async close(): Promise<void> {
    await this.#predictor.close();
  }

  #query(observation: Observation): void {
    const { environmentStateSize, images, name } = this.#manifest;
    if (environmentStateSize > observation.environmentState.length) {
      throw new CheckpointError(
        `Policy ${name} reads object poses (${environmentStateSize} numbers), this robot gives ` +
          `${observation.environmentState.length}: state-based policies run on the simulator's own task only.`,
      );
    }
    for (let index = 0; index < images.length; index++) {
      this.#images.capture(images[index]!, this.#predictor.images[index]!);
    }
    this.#predictor.submit(observation.step, observation.qpos, observation.environmentState);
    this.#nextQuery = observation.step + this.#queryEvery;
    if (this.#pace === 'realtime') return;
    const chunk = this.#predictor.wait();
    if (chunk) this.#take(chunk);
  }

  #take(chunk: ActionChunk): void {
    this.#mixer.add(chunk);
    this.#onChunk?.(chunk);
  }
}

function defaultQueryEvery(chunkSize: number, { mode, pace }: ActSourceOptions): number {
  if (mode === 'ensemble') return 1;
  return mode === 'chunk' && pace === 'lockstep' ? chunkSize : Math.max(1, Math.floor(chunkSize / 2));
}

function mixerFor(chunkSize: number, options: ActSourceOptions): ChunkMixer {
  const { mode } = options;
  switch (mode) {
    case 'ensemble':
      return new TemporalEnsemble(chunkSize, options.ensembleDecay);
    case 'chunk':
      return new ChunkExecution(chunkSize, 0);
    case 'blend':
      return new ChunkExecution(chunkSize, options.fadeSteps ?? DEFAULT_FADE_STEPS);
    default:
      return mode satisfies never;
  }
}
