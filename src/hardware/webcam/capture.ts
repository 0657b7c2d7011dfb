/**
 * Keeps one camera going: puts its frames into the ring, notices when they stop, are damaged or of another size, says so
 * by name, and opens the source again, later and later, until it is back.
 */
import type { CameraState } from '../../contract/camera.js';
import type { FrameRing } from '../../realtime/frameRing.js';
import { monotonicMs } from '../../realtime/monotonic.js';
import type { JpegFrame } from './jpegSplitter.js';
import { openSource } from './openSource.js';
import { fault, type CameraFault, type CameraSpec, type RunningSource } from './source.js';

export interface CaptureTiming {
  /** A frame that is older is no ground to act on [ms]: six frames at 30 Hz. */
  readonly staleMs: number;
  /** Without a good frame for so long the source is closed and opened again [ms]. */
  readonly stallMs: number;
  /** The same for a source that was just opened: webcams take their time, servers too [ms]. */
  readonly openMs: number;
  /** First pause before it is opened again, doubled each time up to the longest [ms]. */
  readonly pauseMs: number;
  readonly longestPauseMs: number;
}

export const CAPTURE_TIMING: CaptureTiming = {
  staleMs: 200,
  stallMs: 1500,
  openMs: 5000,
  pauseMs: 250,
  longestPauseMs: 4000,
};

export interface CaptureOptions {
  readonly spec: CameraSpec;
  readonly ring: FrameRing;
  readonly onState: (state: CameraState, message: string) => void;
  readonly timing?: Partial<CaptureTiming>;
  readonly open?: typeof openSource;
}

export class Capture {
  readonly #options: CaptureOptions;
  readonly #timing: CaptureTiming;
  #source: RunningSource | undefined;
  #state: CameraState = 'starting';
  #message = '';
  #openedMs = 0;
  /** Last frame that was put into the ring, since the source was opened; 0: none. */
  #goodMs = 0;
  /** What was wrong with the frames since the last good one. */
  #complaint: CameraFault | undefined;
  #pauseMs: number;
  #watch: NodeJS.Timeout | undefined;
  #reopen: NodeJS.Timeout | undefined;

  constructor(options: CaptureOptions) {
    this.#options = options;
    this.#timing = { ...CAPTURE_TIMING, ...options.timing };
    this.#pauseMs = this.#timing.pauseMs;
  }

  start(): void {
    this.#watch = setInterval(() => this.#look(), this.#timing.staleMs / 4);
    this.#open();
  }

  stop(): void {
    clearInterval(this.#watch);
    clearTimeout(this.#reopen);
    this.#source?.stop();
    this.#source = undefined;
  }

  #open(): void {
    this.#openedMs = monotonicMs();
    this.#goodMs = 0;
    this.#complaint = undefined;
    const { spec, open = openSource } = this.#options;
    this.#source = open(spec, {
      onFrame: (frame) => this.#take(frame),
      onDamaged: (reason) => {
        this.#options.ring.countDamaged();
        this.#complaint = fault('corrupt', `its pictures come damaged (${reason}): check cable and hub`);
      },
      onEnd: (reason) => this.#close(reason),
    });
  }

  #take({ bytes, width, height, timeMs }: JpegFrame): void {
    const { spec, ring } = this.#options;
    if (width !== spec.width || height !== spec.height) {
      this.#complaint = fault(
        'wrong mode',
        `it sends ${width} x ${height} instead of ${spec.width} x ${spec.height}: choose a mode that it has (alohad check)`,
      );
      // Whatever was before, this is why there are no pictures now.
      this.#tell(this.#complaint);
      return;
    }
    if (bytes.length > ring.capacity) {
      this.#complaint = fault('corrupt', `a picture of ${bytes.length} bytes is no picture of a webcam`);
      return;
    }
    const nowMs = monotonicMs();
    ring.write(bytes, timeMs, nowMs);
    this.#goodMs = nowMs;
    this.#complaint = undefined;
    // It stays for a while before it counts as mended.
    if (nowMs - this.#openedMs > this.#timing.stallMs) this.#pauseMs = this.#timing.pauseMs;
    this.#tell(fault('live', ''));
  }

  #look(): void {
    if (!this.#source) return;
    const { staleMs, stallMs, openMs } = this.#timing;
    const nowMs = monotonicMs();
    const isNew = this.#goodMs === 0;
    const silentMs = nowMs - (isNew ? this.#openedMs : this.#goodMs);
    if (silentMs > (isNew ? openMs : staleMs) || (this.#complaint && silentMs > staleMs))
      this.#tell(this.#complaint ?? fault('stalled', 'it is there, but sends no pictures'));
    // A camera in the wrong mode sends pictures; opening it again would change nothing.
    if (silentMs > (isNew ? openMs : stallMs) && this.#complaint?.state !== 'wrong mode')
      this.#close(this.#complaint ?? fault('stalled', 'it is there, but sends no pictures'));
  }

  #close(reason: CameraFault): void {
    this.#source?.stop();
    this.#source = undefined;
    this.#tell(reason);
    this.#reopen = setTimeout(() => this.#open(), this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, this.#timing.longestPauseMs);
  }

  #tell({ state, message }: CameraFault): void {
    if (this.#state === state && this.#message === message) return;
    if (this.#state === 'live') this.#options.ring.countInterruption();
    this.#state = state;
    this.#message = message;
    this.#options.onState(state, message);
  }
}
