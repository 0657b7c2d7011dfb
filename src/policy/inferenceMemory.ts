/**
 * The block of shared memory through which observations go to the inference worker and chunks come back: one request
 * in flight, its answer beside it. Whose turn it is to touch the block, its mailbox says (realtime/mailbox.ts).
 */
import { imageBytes } from '../contract/camera.js';
import type { PolicyManifest } from '../contract/checkpoint.js';
import { DOF } from '../contract/robot.js';
import { Mailbox, MAILBOX_BYTES } from '../realtime/mailbox.js';

/** Room for the worker's last words, UTF-8 [bytes]. */
const LAST_WORDS_BYTES = 1024;

export class InferenceMemory {
  readonly block: SharedArrayBuffer;
  readonly mailbox: Mailbox;
  /** When the answer was complete, on the clock of all threads [ms]. Shape (1,). */
  readonly answeredMs: Float64Array;
  /** Shape (14,): rad, grippers normalised. */
  readonly qpos: Float32Array;
  /** Shape (environmentStateSize,). */
  readonly environmentState: Float32Array;
  /** Shape (chunkSize, 14), row-major. */
  readonly actions: Float32Array;
  /** Of the offsets that the policy chooses among; empty when it does not. */
  readonly scores: Float32Array;
  /** One per image of the manifest: height x width x 3, RGB. */
  readonly images: readonly Uint8Array[];
  readonly #lastWords: Uint8Array;

  /** @param block memory made by the other side; absent: new memory is made */
  constructor(manifest: PolicyManifest, block?: SharedArrayBuffer) {
    const { environmentStateSize, chunkSize } = manifest;
    const offsets = manifest.choice?.offsetsM.length ?? 0;
    let end = MAILBOX_BYTES;
    const place = (bytes: number): number => {
      const start = end;
      end += Math.ceil(bytes / 8) * 8;
      return start;
    };
    const answeredAt = place(8);
    const qposAt = place(DOF * 4);
    const stateAt = place(environmentStateSize * 4);
    const actionsAt = place(chunkSize * DOF * 4);
    const scoresAt = place(offsets * 4);
    const wordsAt = place(LAST_WORDS_BYTES);
    const imagesAt = manifest.images.map((image) => place(imageBytes(image)));

    this.block = block ?? new SharedArrayBuffer(end);
    this.mailbox = new Mailbox(this.block);
    this.answeredMs = new Float64Array(this.block, answeredAt, 1);
    this.qpos = new Float32Array(this.block, qposAt, DOF);
    this.environmentState = new Float32Array(this.block, stateAt, environmentStateSize);
    this.actions = new Float32Array(this.block, actionsAt, chunkSize * DOF);
    this.scores = new Float32Array(this.block, scoresAt, offsets);
    this.#lastWords = new Uint8Array(this.block, wordsAt, LAST_WORDS_BYTES);
    this.images = manifest.images.map(
      (image, index) => new Uint8Array(this.block, imagesAt[index], imageBytes(image)),
    );
  }

  /** Why the worker failed; empty when it could not say. */
  get lastWords(): string {
    const end = this.#lastWords.indexOf(0);
    // slice copies: text decoders refuse shared memory.
    return new TextDecoder().decode(this.#lastWords.slice(0, end < 0 ? undefined : end));
  }

  /** Leaves a message for the client and ends the conversation. */
  fail(message: string): void {
    this.#lastWords.set(new TextEncoder().encode(message).subarray(0, LAST_WORDS_BYTES - 1));
    this.mailbox.fail();
  }
}
