/** Where a camera's frames come from, and what a source tells whoever listens. */
import type { CameraName, CameraState, Intrinsics } from '../../contract/camera.js';
import type { JpegListener } from './jpegSplitter.js';

export type CameraOrigin =
  /** A V4L2 device by a path that stays the same, such as one of /dev/v4l/by-id. */
  | { readonly kind: 'device'; readonly path: string }
  /** A video, over and over, in real time. */
  | { readonly kind: 'file'; readonly path: string }
  /** An HTTP server that sends JPEG files one after the other. */
  | { readonly kind: 'url'; readonly url: string }
  /** A source of ffmpeg's lavfi, such as `testsrc2`. */
  | { readonly kind: 'test'; readonly filter: string };

export interface CameraSpec {
  readonly name: CameraName;
  readonly origin: CameraOrigin;
  /** Size of its pictures [px]. */
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** Absent: nobody has calibrated it. */
  readonly intrinsics?: Intrinsics;
}

export interface CameraFault {
  readonly state: CameraState;
  readonly message: string;
}

export interface SourceListener extends JpegListener {
  /** The source is at its end; told once, and nothing comes after it. */
  onEnd(fault: CameraFault): void;
}

/** A source that has begun. */
export interface RunningSource {
  /** Nothing is told any more. Safe to call twice. */
  stop(): void;
}

export const fault = (state: CameraState, message: string): CameraFault => ({ state, message });
