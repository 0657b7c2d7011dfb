/** Cameras: who they are, what an image request is, and where images come from. */

/** Camera names of a stationary ALOHA; source: tonyzhaozh/aloha constants.py. */
export const CAMERAS = ['cam_high', 'cam_low', 'cam_left_wrist', 'cam_right_wrist'] as const;
export type CameraName = string;

/** Full frame of every camera [px]. Regions of interest are given in these pixels. */
export const FULL_FRAME = { width: 640, height: 480 } as const;

/** A rectangle of the 640x480 frame [px]: left, top, width, height. */
export interface RegionOfInterest {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** One image as a policy or a viewer wants it: a region of a camera's frame, scaled to width x height. */
export interface ImageRequest {
  readonly camera: CameraName;
  readonly width: number;
  readonly height: number;
  /** Whole frame when absent. */
  readonly region?: RegionOfInterest;
}

/** Bytes that an image request fills: height x width x 3, RGB, row-major, uint8. */
export const imageBytes = (request: ImageRequest): number => request.width * request.height * 3;

/** When an image was captured, and how old it was when handed over. */
export interface CaptureInfo {
  /** Frame number of the camera; the same number twice means the same frame. */
  readonly sequence: number;
  /** Monotonic capture time [ms]. */
  readonly timeMs: number;
}

/**
 * How a camera maps the world onto its whole frame: a pinhole with its optical axis along z, x to the right, y down
 * (REP 104, OpenCV).
 */
export interface Intrinsics {
  /** Size of the frame that the rest is given in [px]. */
  readonly width: number;
  readonly height: number;
  /** Focal lengths and principal point [px]. */
  readonly fx: number;
  readonly fy: number;
  readonly cx: number;
  readonly cy: number;
  /** Of the model plumb_bob: k1, k2, t1, t2, k3; empty: none. */
  readonly distortion: readonly number[];
}

export interface ImageSource {
  readonly cameras: readonly CameraName[];
  /** Writes the newest image into `rgb` (length `imageBytes(request)`). Throws UnknownCameraError. */
  capture(request: ImageRequest, rgb: Uint8Array): CaptureInfo;
  /**
   * Throws CameraFaultError when the newest image of a camera is no ground to act on. Safe in the loop. Absent where
   * images are made when they are asked for.
   */
  requireFresh?(camera: CameraName): void;
  /** Absent, or undefined for a camera: nobody has calibrated it. */
  intrinsics?(camera: CameraName): Intrinsics | undefined;
}

/** Of all cameras that have been calibrated, by name. */
export const intrinsicsOf = (images: ImageSource): Record<CameraName, Intrinsics> =>
  Object.fromEntries(
    images.cameras.flatMap((camera) => {
      const found = images.intrinsics?.(camera);
      return found ? [[camera, found]] : [];
    }),
  );

/**
 * How a camera is. All but the first two are faults:
 * `unplugged` the device, file or connection is gone; `stalled` it is there and sends nothing; `corrupt` its pictures are
 * damaged; `wrong mode` it sends another size; `no space` the USB controller has no bandwidth left ("No space left on
 * device"); `unavailable` it cannot be used, for a reason that is told: in use, no permission, no ffmpeg, refused.
 */
export const CAMERA_STATES = [
  'starting',
  'live',
  'unplugged',
  'stalled',
  'corrupt',
  'wrong mode',
  'no space',
  'unavailable',
] as const;
export type CameraState = (typeof CAMERA_STATES)[number];

export interface CameraStatus {
  readonly camera: CameraName;
  readonly state: CameraState;
  /** What is wrong and what to do, for people; empty while nothing is. */
  readonly message: string;
}

/** A camera as its numbers tell. */
export interface CameraHealth extends CameraStatus {
  /** Age of the newest picture [ms]; null before the first. */
  readonly ageMs: number | null;
  /** Pictures so far, and those that came damaged and were left out. */
  readonly frames: number;
  readonly damaged: number;
  /** How often it was lost after it had been there. */
  readonly interruptions: number;
}

export const isCameraFault = (state: CameraState): boolean => state !== 'live' && state !== 'starting';
