/** The loop's side of the inference worker. Nothing here blocks but `wait`. */
import { Worker } from 'node:worker_threads';
import { AlohadError, CheckpointError } from '../contract/errors.js';
import type { PolicyManifest } from '../contract/checkpoint.js';
import type { ActionChunk } from '../contract/policy.js';
import { monotonicMs } from '../realtime/monotonic.js';
import { TimingHistogram } from '../realtime/timingHistogram.js';
import type { Checkpoint } from './checkpoint.js';
import { InferenceMemory } from './inferenceMemory.js';
import type { InferenceReady, InferenceSetup } from './inferenceWorker.js';
import type { LiveModel } from './liveWeights.js';

// The official builds of onnxruntime >= 1.29 send usage data to Microsoft unless told not to before the first session
// of the process. Native code sees what the main thread sets; a client made in another thread relies on main.ts.
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';

/** The inference worker died or does not answer. */
export class InferenceError extends AlohadError {}

/** Predicts chunks from observations, one at a time. What an ActSource needs; the worker is one way to do it. */
export interface Predictor {
  /** Whether a new observation can be submitted. Throws InferenceError when there is no one to submit to. */
  readonly idle: boolean;
  /** Where the images of the next request are written, while idle: one per image of the manifest. */
  readonly images: readonly Uint8Array[];
  /** Latencies of all chunks [ms]. */
  readonly latency: TimingHistogram;
  /** Hands over an observation: qpos (14,) and, for state-based policies, the object poses. Only while idle. */
  submit(step: number, qpos: Float64Array, environmentState: Float64Array): void;
  /** The chunk of the last request, once, when it is there. Borrowed until the next `submit`. */
  poll(): ActionChunk | undefined;
  /** Blocks until the chunk of the last request is there, and takes it. */
  wait(): ActionChunk | undefined;
  close(): Promise<void>;
}

export interface InferenceOptions {
  /** Threads that share one matrix product. One leaves the other cores to the loop and the renderer. */
  readonly threads?: number;
  /** Longest time that one answer may take [ms]. */
  readonly timeoutMs?: number;
  /** Serves this network, whose weights may change, in place of the checkpoint's file. */
  readonly live?: LiveModel;
}

const DEFAULT_TIMEOUT_MS = 10_000;

export class InferenceClient implements Predictor {
  readonly latency = new TimingHistogram();
  readonly images: readonly Uint8Array[];
  /** Loading and warming up [ms]. */
  readonly loadMs: number;
  readonly #memory: InferenceMemory;
  /** Absent when the worker belongs to another thread. */
  readonly #worker: Worker | undefined;
  /** Resolves when the worker has ended, for whatever reason. */
  readonly ended: Promise<void>;
  readonly #timeoutMs: number;
  readonly #chunk: { step: number; actions: Float32Array; scores: Float32Array; latencyMs: number };
  #submittedMs = 0;
  #pending = false;

  /** Starts the worker and waits until it is warm. Throws CheckpointError when the network cannot be used. */
  static async start(
    checkpoint: Pick<Checkpoint, 'manifest' | 'modelPath'>,
    options: InferenceOptions = {},
  ): Promise<InferenceClient> {
    const memory = new InferenceMemory(checkpoint.manifest);
    const { threads = 1, live } = options;
    const setup: InferenceSetup = { checkpoint, block: memory.block, threads, ...(live && { live }) };
    const worker = new Worker(new URL('./inferenceWorker.js', import.meta.url), { workerData: setup });
    const ready = await new Promise<InferenceReady>((resolve) => {
      worker.once('message', resolve);
      worker.once('error', (error) => resolve({ ok: false, message: `The inference worker died: ${error}` }));
      worker.once('exit', (code) => resolve({ ok: false, message: `The inference worker exited (${code})` }));
    });
    if (!ready.ok) throw new CheckpointError(ready.message);
    return new InferenceClient(memory, ready.loadMs, options.timeoutMs ?? DEFAULT_TIMEOUT_MS, worker);
  }

  /**
   * Talks to a worker that another thread started and watches, through its `block`. One client at a time; closing it
   * leaves the worker as it is, ready for the next.
   */
  static attach(manifest: PolicyManifest, block: SharedArrayBuffer): InferenceClient {
    return new InferenceClient(new InferenceMemory(manifest, block), 0, DEFAULT_TIMEOUT_MS, undefined);
  }

  private constructor(
    memory: InferenceMemory,
    loadMs: number,
    timeoutMs: number,
    worker: Worker | undefined,
  ) {
    this.#memory = memory;
    this.#worker = worker;
    this.loadMs = loadMs;
    this.#timeoutMs = timeoutMs;
    this.images = memory.images;
    this.#chunk = { step: 0, actions: memory.actions, scores: memory.scores, latencyMs: 0 };
    this.ended = worker ? this.#watch(worker) : Promise.resolve();
  }

  /** Shared memory for `attach`. */
  get block(): SharedArrayBuffer {
    return this.#memory.block;
  }

  /** Why the worker failed; empty when it did not, or could not say. */
  get lastWords(): string {
    return this.#memory.lastWords;
  }

  async #watch(worker: Worker): Promise<void> {
    const memory = this.#memory;
    worker.removeAllListeners();
    worker.on('error', (error) => memory.fail(String(error)));
    worker.unref();
    await new Promise<void>((resolve) => {
      worker.on('exit', () => {
        memory.mailbox.fail();
        resolve();
      });
    });
  }

  get idle(): boolean {
    this.#requireAlive();
    return !this.#pending;
  }

  submit(step: number, qpos: Float64Array, environmentState: Float64Array): void {
    if (!this.idle)
      throw new InferenceError('A chunk is still being predicted; take it before asking for another.');
    this.#memory.qpos.set(qpos);
    this.#memory.environmentState.set(environmentState.subarray(0, this.#memory.environmentState.length));
    this.#chunk.step = step;
    this.#submittedMs = monotonicMs();
    this.#pending = true;
    this.#memory.mailbox.handOver('client');
  }

  poll(): ActionChunk | undefined {
    this.#requireAlive();
    if (!this.#pending || this.#memory.mailbox.turn() !== 'client') return undefined;
    this.#pending = false;
    this.#chunk.latencyMs = this.#memory.answeredMs[0]! - this.#submittedMs;
    this.latency.record(this.#chunk.latencyMs);
    return this.#chunk;
  }

  wait(): ActionChunk | undefined {
    if (!this.#pending) return undefined;
    if (this.#memory.mailbox.waitWhile('server', this.#timeoutMs) === 'server') {
      throw new InferenceError(
        `The policy did not answer within ${this.#timeoutMs / 1000} s. Is the machine overloaded? ` +
          'Use a smaller policy or more threads.',
      );
    }
    return this.poll();
  }

  /**
   * Ends the worker after the inference that it is in. Safe to call twice.
   * It is asked, never terminated: onnxruntime aborts the whole process when its thread is cut off inside a run.
   */
  async close(): Promise<void> {
    if (!this.#worker) {
      // A chunk under way would be taken for the next client's.
      if (this.#pending) this.#memory.mailbox.waitWhile('server', this.#timeoutMs);
      return;
    }
    this.#memory.mailbox.close();
    this.#worker.ref();
    await this.ended;
  }

  #requireAlive(): void {
    const turn = this.#memory.mailbox.turn();
    if (turn === 'closed') throw new InferenceError('The policy was closed.');
    if (turn !== 'failed') return;
    throw new InferenceError(
      `The inference worker died: ${this.#memory.lastWords || 'it was ended from outside'}. ` +
        'The arms hold; start the policy again, with a smaller one if memory ran out.',
    );
  }
}
