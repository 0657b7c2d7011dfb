/**
 * One sample as bytes, for caches in memory and on disk: float32 qpos (14), object poses (environmentSize), actions
 * (chunkSize, 14), padding (chunkSize: 1 behind the episode's end), then each camera's image (uint8) or feature map
 * (float32). All samples of one loader have the same size.
 */
import type { EpisodeData } from '../../contract/episode.js';
import { EpisodeError } from '../../contract/errors.js';
import { DOF } from '../../contract/robot.js';
import type { ActBatch } from '../../network/actBatch.js';

export type SampleRecord = Uint8Array<ArrayBuffer>;
export type Picture = Uint8Array | Float32Array;

export interface RecordOptions {
  readonly chunkSize: number;
  readonly environmentSize: number;
}

/** What a sample is taken from. */
export type SampledEpisode = Pick<EpisodeData, 'steps' | 'qpos' | 'environmentState' | 'action'>;

export class SampleRecords {
  readonly #options: RecordOptions;
  readonly #numbers: number;
  /** Of each camera, known from the first sample on. */
  #pictures: readonly { readonly bytes: number; readonly isFloat: boolean }[] = [];

  constructor(options: RecordOptions) {
    this.#options = options;
    this.#numbers = DOF + options.environmentSize + options.chunkSize * (DOF + 1);
  }

  /** Size of a record; its pictures are known from the first on. */
  get bytes(): number {
    return this.#pictures.reduce((sum, { bytes }) => sum + bytes, 4 * this.#numbers);
  }

  /** The sample that starts at `step`. Throws EpisodeError when the episode is shorter. */
  pack(path: string, episode: SampledEpisode, step: number, pictures: readonly Picture[]): SampleRecord {
    const { chunkSize, environmentSize } = this.#options;
    const { steps, qpos, environmentState, action } = episode;
    if (step < 0 || step >= steps)
      throw new EpisodeError(`${path} has ${steps} steps, step ${step} was asked for`);
    this.#pictures = pictures.map((picture) => ({
      bytes: picture.byteLength,
      isFloat: picture instanceof Float32Array,
    }));
    const record = new Uint8Array(this.bytes);
    const { qposOf, environmentOf, actionsOf, isPadOf } = this.#partsOf(record);
    qposOf.set(qpos.subarray(step * DOF, (step + 1) * DOF));
    const width = environmentState.length / steps;
    environmentOf.set(environmentState.subarray(step * width, step * width + environmentSize));
    for (let i = 0; i < chunkSize; i++) {
      // Behind the end the last action is repeated, and marked so that no loss counts it.
      const at = Math.min(step + i, steps - 1);
      actionsOf.set(action.subarray(at * DOF, (at + 1) * DOF), i * DOF);
      isPadOf[i] = step + i < steps ? 0 : 1;
    }
    let at = 4 * this.#numbers;
    for (const { buffer, byteOffset, byteLength } of pictures) {
      record.set(new Uint8Array(buffer, byteOffset, byteLength), at);
      at += byteLength;
    }
    return record;
  }

  /** Samples side by side, as the optimizer reads them. */
  assemble(records: readonly SampleRecord[]): ActBatch {
    const { chunkSize, environmentSize } = this.#options;
    const count = records.length;
    const batch = {
      qpos: new Float32Array(count * DOF),
      environmentState: new Float32Array(count * environmentSize),
      actions: new Float32Array(count * chunkSize * DOF),
      isPad: new Uint8Array(count * chunkSize),
      images: this.#pictures.map(({ bytes, isFloat }) =>
        isFloat ? new Float32Array((count * bytes) / 4) : new Uint8Array(count * bytes),
      ),
    };
    records.forEach((record, row) => {
      const { qposOf, environmentOf, actionsOf, isPadOf } = this.#partsOf(record);
      batch.qpos.set(qposOf, row * DOF);
      batch.environmentState.set(environmentOf, row * environmentSize);
      batch.actions.set(actionsOf, row * chunkSize * DOF);
      batch.isPad.set(isPadOf, row * chunkSize);
      let at = 4 * this.#numbers;
      this.#pictures.forEach(({ bytes }, camera) => {
        const all = new Uint8Array(batch.images[camera]!.buffer);
        all.set(record.subarray(at, at + bytes), row * bytes);
        at += bytes;
      });
    });
    return batch;
  }

  #partsOf({ buffer, byteOffset }: SampleRecord) {
    const { chunkSize, environmentSize } = this.#options;
    const numbers = new Float32Array(buffer, byteOffset, this.#numbers);
    let at = 0;
    const next = (count: number): Float32Array => numbers.subarray(at, (at += count));
    return {
      qposOf: next(DOF),
      environmentOf: next(environmentSize),
      actionsOf: next(chunkSize * DOF),
      isPadOf: next(chunkSize),
    };
  }
}
