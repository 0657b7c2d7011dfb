/**
 * The cameras of a rig as the robot's eyes: newest frames out of shared memory, decoded when somebody wants to see.
 * They are captured by a thread that is started again when it dies, so that the arms never depend on it.
 */
import { Worker } from 'node:worker_threads';
import {
  isCameraFault,
  type CameraHealth,
  type CameraName,
  type CameraStatus,
  type CaptureInfo,
  type ImageRequest,
  type ImageSource,
  type Intrinsics,
} from '../../contract/camera.js';
import { CameraFaultError, UnknownCameraError } from '../../contract/errors.js';
import { FrameRing } from '../../realtime/frameRing.js';
import { monotonicMs } from '../../realtime/monotonic.js';
import { CAPTURE_TIMING, type CaptureTiming } from './capture.js';
import type { CaptureSetup } from './captureWorker.js';
import type { CameraSpec } from './source.js';

/** Decodes a JPEG, cuts out the region asked for and scales it into `rgb`. Throws Error on bytes that are none. */
export type JpegDecoder = (jpeg: Uint8Array, request: ImageRequest, rgb: Uint8Array) => void;

export interface WebcamOptions {
  readonly decode: JpegDecoder;
  readonly timing?: Partial<CaptureTiming>;
}

/** Pause before the capturing thread is started again [ms]. */
const RESTART_MS = 500;
/** A frame whose data are damaged inside is replaced by one before it, of at most so many. */
const FRAMES_BACK = 3;

interface Eye {
  readonly ring: FrameRing;
  status: CameraStatus;
}

export class Webcams implements ImageSource {
  readonly cameras: readonly CameraName[];
  readonly #specs: readonly CameraSpec[];
  readonly #eyes: ReadonlyMap<CameraName, Eye>;
  readonly #options: WebcamOptions;
  readonly #staleMs: number;
  /** From the clock of all threads to this one's [ms]. */
  readonly #ofThisThread = performance.now() - monotonicMs();
  readonly #listeners = new Set<(status: CameraStatus) => void>();
  #worker: Worker | undefined;
  #restart: NodeJS.Timeout | undefined;

  /** Starts capturing, and waits until every camera is live or has a fault, which is told and does not end it. */
  static async open(specs: readonly CameraSpec[], options: WebcamOptions): Promise<Webcams> {
    const webcams = new Webcams(specs, options);
    await webcams.#settled();
    return webcams;
  }

  private constructor(specs: readonly CameraSpec[], options: WebcamOptions) {
    this.cameras = specs.map(({ name }) => name);
    this.#specs = specs;
    this.#options = options;
    this.#staleMs = options.timing?.staleMs ?? CAPTURE_TIMING.staleMs;
    this.#eyes = new Map(
      specs.map(({ name }) => [
        name,
        { ring: FrameRing.allocate(), status: { camera: name, state: 'starting', message: '' } },
      ]),
    );
    this.#launch();
  }

  /** Tells what is wrong now, and every change of a camera's state; ends with the function returned. */
  listen(listener: (status: CameraStatus) => void): () => void {
    for (const status of this.statuses) if (isCameraFault(status.state)) listener(status);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Frames as they are captured, for those who want them as JPEG. Throws UnknownCameraError. */
  ring(camera: CameraName): FrameRing {
    return this.#eye(camera).ring;
  }

  intrinsics(camera: CameraName): Intrinsics | undefined {
    return this.#specs.find(({ name }) => name === camera)?.intrinsics;
  }

  /** How each camera is, as of the last news of it. */
  get statuses(): CameraStatus[] {
    return [...this.#eyes.values()].map(({ status }) => status);
  }

  /** How each camera is, with its numbers. */
  get health(): CameraHealth[] {
    return [...this.#eyes.values()].map(({ status, ring }) => {
      const ageMs = this.ageMs(status.camera);
      return {
        ...status,
        ageMs: ageMs === Infinity ? null : ageMs,
        frames: ring.newest,
        damaged: ring.damaged,
        interruptions: ring.interruptions,
      };
    });
  }

  /** Age of the newest frame [ms]; Infinity before the first. Safe in the loop. Throws UnknownCameraError. */
  ageMs(camera: CameraName): number {
    const { ring } = this.#eye(camera);
    return monotonicMs() - (ring.captureMs(ring.newest) ?? -Infinity);
  }

  /** Safe in the loop. Throws CameraFaultError when the newest frame is no ground to act on, UnknownCameraError. */
  requireFresh(camera: CameraName): void {
    const ageMs = this.ageMs(camera);
    if (ageMs <= this.#staleMs) return;
    const { state, message } = this.#eye(camera).status;
    const seen =
      ageMs === Infinity ? 'it has shown nothing yet' : `its newest picture is ${Math.round(ageMs)} ms old`;
    const known = isCameraFault(state) ? `is ${state} (${message})` : 'is stalled';
    throw new CameraFaultError(`camera ${camera} ${known}; ${seen}. The arms hold.`);
  }

  /** Some 2 ms for a whole frame. Throws UnknownCameraError, and CameraFaultError as `requireFresh`. */
  capture(request: ImageRequest, rgb: Uint8Array): CaptureInfo {
    const { camera } = request;
    this.requireFresh(camera);
    const { ring } = this.#eye(camera);
    const { newest } = ring;
    for (let sequence = newest; sequence > newest - FRAMES_BACK; sequence--) {
      const frame = ring.read(sequence);
      if (!frame || monotonicMs() - frame.captureMs > this.#staleMs) break;
      try {
        this.#options.decode(frame.bytes, request, rgb);
      } catch {
        continue;
      }
      return { sequence, timeMs: frame.captureMs + this.#ofThisThread };
    }
    throw new CameraFaultError(
      `camera ${camera} is corrupt: its last pictures cannot be decoded. The arms hold.`,
    );
  }

  /** Safe to call twice. */
  async close(): Promise<void> {
    clearTimeout(this.#restart);
    const worker = this.#worker;
    this.#worker = undefined;
    if (!worker) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.ref();
    worker.postMessage('close');
    await ended;
  }

  #launch(): void {
    const workerData: CaptureSetup = {
      cameras: this.#specs.map((spec) => ({ spec, ring: this.#eye(spec.name).ring.memory })),
      timing: this.#options.timing ?? {},
    };
    const worker = new Worker(new URL('./captureWorker.js', import.meta.url), { workerData });
    let reason = 'it ended';
    worker.on('message', (status: CameraStatus) => this.#hear(status));
    worker.on('error', (error) => {
      reason = String(error);
    });
    worker.on('exit', () => {
      if (this.#worker !== worker) return;
      for (const camera of this.cameras)
        this.#hear({ camera, state: 'unavailable', message: `the thread that captures died: ${reason}` });
      this.#restart = setTimeout(() => this.#launch(), RESTART_MS);
    });
    // A process that has nothing else left to do shall end.
    worker.unref();
    this.#worker = worker;
  }

  #hear(status: CameraStatus): void {
    this.#eye(status.camera).status = status;
    for (const listener of this.#listeners) listener(status);
  }

  async #settled(): Promise<void> {
    const isSettled = (): boolean => this.statuses.every(({ state }) => state !== 'starting');
    this.#worker?.ref();
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!isSettled()) return;
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
      look();
    });
    this.#worker?.unref();
  }

  #eye(camera: CameraName): Eye {
    const eye = this.#eyes.get(camera);
    if (eye) return eye;
    throw new UnknownCameraError(`there is no camera ${camera}; the rig has ${this.cameras.join(', ')}`);
  }
}
