/**
 * Records episodes beside the control loop: each step is copied into a bounded queue and written by a thread of its
 * own. The loop never waits for the disk; what does not fit is counted, and `finish` then says so instead of
 * passing the episode off as whole.
 *
 * One recorder records many episodes, one after the other: `begin`, ticks, `finish` or `discard`.
 */
import { Worker } from 'node:worker_threads';
import type { RecorderState } from '../contract/apiState.js';
import type { ImageRequest, ImageSource } from '../contract/camera.js';
import { imageBytes } from '../contract/camera.js';
import type { EpisodeInfo, EpisodeOutcome } from '../contract/episode.js';
import { DiskFullError, EpisodeError, StorageError } from '../contract/errors.js';
import type { Step, StepListener } from '../contract/step.js';
import type { EpisodeAttachment } from './episodeWriter.js';
import { QualityMeter, rejectionOf } from './recordingQuality.js';
import type { FromRecorderWorker, RecorderSetup, ToRecorderWorker } from './recorderWorker.js';
import { StepQueue } from './stepQueue.js';
import type { FrameRing } from '../realtime/frameRing.js';
import { monotonicMs } from '../realtime/monotonic.js';

/** Steps that wait for the disk at most: 20 s at 50 Hz, 1 MB. */
const QUEUE_STEPS = 1024;
/** Images that wait to be compressed at most; 15 MB at full size. */
const IMAGE_SLOTS = 16;

/** How long `waitForRoom` waits [ms]. */
const PATIENCE_MS = 10_000;
/** Never written: only a place to sleep on. */
const BED = new Int32Array(new SharedArrayBuffer(4));

/** Images to record: from a source, compressed in the recorder's thread. */
export interface RecordedCameras {
  readonly source: ImageSource;
  readonly requests: readonly ImageRequest[];
  /** URL of a module that exports `encodeJpeg(rgb, width, height): Uint8Array`. */
  readonly encoderModule: string;
}

/** A camera whose frames are recorded as they were captured: all of them, once each, by the recorder's thread. */
export interface CapturedCamera {
  readonly camera: string;
  readonly ring: FrameRing;
}

export interface RecorderOptions {
  /** Simulator only: the full physics state at present, borrowed. */
  readonly physicsState?: () => Float64Array;
  /** Numbers in `Observation.environmentState`; 0 by default. */
  readonly environmentSize?: number;
  /** None by default: images of a simulation can be drawn again. */
  readonly cameras?: RecordedCameras;
  readonly captured?: readonly CapturedCamera[];
  readonly queueSteps?: number;
}

/** Where an episode goes and what is known of it before its first step. */
export interface RecordingStart {
  readonly folder: string;
  readonly name: string;
  readonly info: EpisodeInfo;
  readonly attachments?: readonly EpisodeAttachment[];
  /** Bytes that must be free on the disk. */
  readonly reserveBytes?: number;
  /** Its steps follow the clock: rate and cameras are measured, and an episode unfit to learn from is rejected. */
  readonly realTime?: boolean;
}

/** A finished recording. */
export interface Recording {
  readonly path: string;
  readonly outcome: EpisodeOutcome;
}

export class Recorder implements StepListener {
  readonly #options: RecorderOptions;
  readonly #worker: Worker;
  readonly #queue: StepQueue;
  readonly #physics: Float64Array;
  readonly #imageSlots: Uint8Array[] = [];
  readonly #imageFlags: Int32Array;
  readonly #captured: readonly CapturedCamera[];
  /** Per captured camera: frames that were gone before they could be recorded. */
  readonly #lost: Int32Array;
  readonly #lastSequence = new Map<string, number>();
  /** From the clock of all threads to this one's [ms]. */
  readonly #ofLoopMs = performance.now() - monotonicMs();
  #quality: QualityMeter | undefined;
  #recording = false;
  #step = 0;
  #droppedImages = 0;
  #fault: Error | undefined;
  #answer: { resolve: (reply: FromRecorderWorker) => void; reject: (error: Error) => void } | undefined;

  constructor(options: RecorderOptions = {}) {
    this.#options = options;
    const physicsSize = options.physicsState?.().length ?? 0;
    this.#physics = new Float64Array(physicsSize);
    this.#queue = StepQueue.allocate(
      options.queueSteps ?? QUEUE_STEPS,
      physicsSize,
      options.environmentSize ?? 0,
    );
    const slots = options.cameras ? IMAGE_SLOTS : 0;
    const slotBytes = Math.max(0, ...(options.cameras?.requests.map(imageBytes) ?? []));
    const flags = new SharedArrayBuffer(slots * Int32Array.BYTES_PER_ELEMENT);
    const images = new SharedArrayBuffer(slots * slotBytes);
    this.#imageFlags = new Int32Array(flags);
    this.#captured = options.captured ?? [];
    this.#lost = new Int32Array(new SharedArrayBuffer(this.#captured.length * Int32Array.BYTES_PER_ELEMENT));
    for (let i = 0; i < slots; i++) this.#imageSlots.push(new Uint8Array(images, i * slotBytes, slotBytes));
    const workerData: RecorderSetup = {
      queue: this.#queue.memory,
      imageFlags: flags,
      images,
      slotBytes,
      captured: this.#captured.map(({ camera, ring }) => ({ camera, ring: ring.memory })),
      lost: this.#lost,
      ...(options.cameras && { encoderModule: options.cameras.encoderModule }),
    };
    this.#worker = new Worker(new URL('./recorderWorker.js', import.meta.url), { workerData });
    this.#worker.on('message', (reply: FromRecorderWorker) => this.#onReply(reply));
    this.#worker.on('error', (error) =>
      this.#fail(new StorageError(`the recorder failed: ${error.message}`)),
    );
    // A process that has nothing else left to do shall end.
    this.#worker.unref();
  }

  /** How full the queue is. */
  get state(): RecorderState {
    const { waiting, memory } = this.#queue;
    return { waiting, capacity: memory.capacity, dropped: this.dropped };
  }

  /** Steps and images that did not fit into the queue during this episode. */
  get dropped(): { readonly steps: number; readonly images: number } {
    const lost = this.#lost.reduce((sum, count) => sum + count, 0);
    return { steps: this.#queue.dropped, images: this.#droppedImages + lost };
  }

  /** What went wrong with this episode so far, such as a full disk; the loop goes on without it. */
  get fault(): Error | undefined {
    return this.#fault;
  }

  /** Opens the episode's file and notes the present state for its first step. Throws StorageError. */
  async begin(start: RecordingStart): Promise<void> {
    if (this.#recording)
      throw new EpisodeError('an episode is being recorded already; finish or discard it first');
    this.#queue.clear();
    this.#imageFlags.fill(0);
    this.#lastSequence.clear();
    this.#step = 0;
    this.#droppedImages = 0;
    this.#lost.fill(0);
    this.#fault = undefined;
    const cameras = [...(this.#options.cameras?.requests ?? []), ...this.#captured].map(
      ({ camera }) => camera,
    );
    this.#quality = start.realTime === true ? new QualityMeter(cameras) : undefined;
    await this.#ask({
      kind: 'begin',
      start,
      timeOriginMs: performance.timeOrigin,
      ofLoopMs: this.#ofLoopMs,
    });
    this.#recording = true;
    this.#look();
  }

  /**
   * Blocks until one more step and its images fit. For simulations that run faster than the disk; a loop in real time
   * never waits. Throws StorageError when the recorder takes nothing for 10 s.
   */
  waitForRoom(): void {
    const images = this.#options.cameras?.requests.length ?? 0;
    const deadline = performance.now() + PATIENCE_MS;
    while (!this.#queue.hasRoom || this.#freeSlots() < images) {
      if (performance.now() > deadline)
        throw new StorageError(
          `the recorder took nothing for ${PATIENCE_MS / 1000} s; is the disk full or gone?`,
        );
      Atomics.wait(BED, 0, 0, 1);
    }
  }

  /** Copies the step. Safe in the loop: no waiting; allocates only to announce images. */
  onStep(step: Step): void {
    if (!this.#recording) return;
    const expected = this.#queue.memory.environmentSize;
    if (step.observation.environmentState.length === expected) {
      this.#queue.push(this.#step, step, performance.now(), this.#physics);
    } else {
      this.#fault ??= new EpisodeError(
        `an environment state of ${step.observation.environmentState.length} numbers came, ${expected} were announced`,
      );
    }
    this.#step += 1;
    this.#quality?.step(performance.now());
    this.#look();
  }

  /** Appends an event at the present step. */
  event(name: string, fields: Readonly<Record<string, unknown>> = {}): void {
    if (!this.#recording) return;
    this.#post({ kind: 'event', name, fields, number: this.#step, timeMs: performance.now() });
  }

  /**
   * Concludes the episode; success is a full reward unless said otherwise. Throws StorageError when the disk refused
   * (finished parts are kept) and EpisodeError when steps or images were dropped (the file is kept, and tells so);
   * an episode in real time is then judged by its quality instead.
   */
  async finish(judged: { readonly success?: boolean } = {}): Promise<Recording> {
    this.#recording = false;
    const { steps, images } = this.dropped;
    if (steps + images > 0)
      this.#post({
        kind: 'event',
        name: 'dropped',
        fields: { steps, images },
        number: this.#step,
        timeMs: performance.now(),
      });
    this.#captured.forEach(({ camera }, index) => this.#quality?.drop(camera, this.#lost[index]));
    const quality = this.#quality?.report(steps);
    const rejected = quality && rejectionOf(quality);
    const reply = await this.#ask({
      kind: 'finish',
      judged: { ...judged, steps: this.#step, ...(quality && { quality, rejected }) },
    });
    if (this.#fault) throw this.#fault;
    if (reply.kind !== 'finished') throw new EpisodeError('nothing was being recorded');
    if (!quality && steps + images > 0) {
      throw new EpisodeError(
        `${reply.path}: ${steps} of ${this.#step} steps and ${images} images were dropped, as the disk or the ` +
          'processor could not keep up; record fewer or smaller images, or to a faster disk',
      );
    }
    return { path: reply.path, outcome: reply.outcome };
  }

  /** Throws the episode away. */
  async discard(): Promise<void> {
    this.#recording = false;
    await this.#ask({ kind: 'discard' });
  }

  /** Ends the thread; an episode still open stays a part file. */
  async close(): Promise<void> {
    this.#recording = false;
    await this.#worker.terminate();
  }

  /** Notes the state that the next step's action will be decided on, and the newest images of it. */
  #look(): void {
    if (this.#options.physicsState) this.#physics.set(this.#options.physicsState());
    for (const { camera, ring } of this.#captured) {
      const sequence = ring.newest;
      const captureMs = ring.captureMs(sequence);
      if (captureMs !== undefined)
        this.#quality?.frame(camera, sequence, captureMs + this.#ofLoopMs, performance.now());
    }
    const { cameras } = this.#options;
    if (!cameras) return;
    for (const request of cameras.requests) {
      const slot = this.#imageFlags.findIndex((_, i) => Atomics.load(this.#imageFlags, i) === 0);
      if (slot < 0) {
        this.#droppedImages += 1;
        this.#quality?.drop(request.camera);
        continue;
      }
      const { camera, width, height } = request;
      const pixels = this.#imageSlots[slot]!.subarray(0, imageBytes(request));
      const { sequence, timeMs } = cameras.source.capture(request, pixels);
      this.#quality?.frame(camera, sequence, timeMs, performance.now());
      if (this.#lastSequence.get(camera) === sequence) continue;
      this.#lastSequence.set(camera, sequence);
      Atomics.store(this.#imageFlags, slot, 1);
      this.#post({ kind: 'frame', camera, timeMs, width, height, slot, number: this.#step });
    }
  }

  #freeSlots(): number {
    let free = 0;
    for (let i = 0; i < this.#imageFlags.length; i++) if (Atomics.load(this.#imageFlags, i) === 0) free++;
    return free;
  }

  #post(message: ToRecorderWorker): void {
    this.#worker.postMessage(message);
  }

  async #ask(message: ToRecorderWorker): Promise<FromRecorderWorker> {
    this.#worker.ref();
    try {
      return await new Promise<FromRecorderWorker>((resolve, reject) => {
        this.#answer = { resolve, reject };
        this.#post(message);
      });
    } finally {
      this.#answer = undefined;
      this.#worker.unref();
    }
  }

  #onReply(reply: FromRecorderWorker): void {
    if (reply.kind === 'fault') {
      const error = new (reply.full ? DiskFullError : StorageError)(reply.message);
      this.#fault ??= error;
      if (reply.answer) this.#answer?.reject(error);
      return;
    }
    this.#answer?.resolve(reply);
  }

  #fail(error: Error): void {
    this.#fault ??= error;
    this.#answer?.reject(error);
  }
}
