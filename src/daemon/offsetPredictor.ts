/** A predictor whose chunks are moved by the policy's residual or best offset, if it has one. */
import type { ChunkChoice, PolicyManifest } from '../contract/checkpoint.js';
import type { ActionChunk } from '../contract/policy.js';
import type { Arm } from '../contract/robot.js';
import { InferenceError, type Predictor } from '../policy/inferenceClient.js';
import { offsetChunk } from '../simulation/chunkOffset.js';

type Offset = readonly [number, number, number];

/** Which offsets of an arm's gripper [m] to try on chunks from `fromStep` on, the first that it can reach is taken. */
interface Moves {
  readonly fromStep: number;
  readonly arm: Arm;
  offsetsFor(chunk: ActionChunk): readonly Offset[];
}

export function withOffset(
  predictor: Predictor,
  { residual, choice }: Pick<PolicyManifest, 'residual' | 'choice'>,
): Predictor {
  let moved = predictor;
  if (residual) moved = new OffsetPredictor(moved, { ...residual, offsetsFor: () => [residual.offsetM] });
  if (choice) moved = new OffsetPredictor(moved, { ...choice, offsetsFor: (chunk) => better(choice, chunk) });
  return moved;
}

/** Offsets that score better than none, the best first. */
function better({ offsetsM, margin }: ChunkChoice, { scores }: ActionChunk): readonly Offset[] {
  if (scores?.length !== offsetsM.length)
    throw new InferenceError('The policy gave no scores of its offsets.');
  const least = scores[0]! + margin;
  return offsetsM
    .map((offset, i) => ({ offset, score: scores[i]! }))
    .filter(({ score }) => score > least)
    .toSorted((a, b) => b.score - a.score)
    .map(({ offset }) => offset);
}

class OffsetPredictor implements Predictor {
  readonly #predictor: Predictor;
  readonly #moves: Moves;

  constructor(predictor: Predictor, moves: Moves) {
    this.#predictor = predictor;
    this.#moves = moves;
  }

  get idle() {
    return this.#predictor.idle;
  }

  get images() {
    return this.#predictor.images;
  }

  get latency() {
    return this.#predictor.latency;
  }

  submit(step: number, qpos: Float64Array, environmentState: Float64Array): void {
    this.#predictor.submit(step, qpos, environmentState);
  }

  poll(): ActionChunk | undefined {
    return this.#move(this.#predictor.poll());
  }

  wait(): ActionChunk | undefined {
    return this.#move(this.#predictor.wait());
  }

  async close(): Promise<void> {
    await this.#predictor.close();
  }

  /** A chunk that cannot be moved so far stays as it is. */
  #move(chunk: ActionChunk | undefined): ActionChunk | undefined {
    const { fromStep, arm } = this.#moves;
    if (!chunk || chunk.step < fromStep) return chunk;
    const actions = Float64Array.from(chunk.actions);
    for (const offset of this.#moves.offsetsFor(chunk)) {
      const moved = offsetChunk(actions, arm, offset);
      if (moved) return { ...chunk, actions: Float32Array.from(moved) };
    }
    return chunk;
  }
}
