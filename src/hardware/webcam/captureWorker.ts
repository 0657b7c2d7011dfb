/**
 * Thread entry: captures all cameras of a rig. One thread is enough, as nothing in it waits: what it does for a frame is
 * to copy it. A camera through ffmpeg has that process of its own.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { CameraStatus } from '../../contract/camera.js';
import { FrameRing } from '../../realtime/frameRing.js';
import { Capture, type CaptureTiming } from './capture.js';
import type { CameraSpec } from './source.js';

export interface CaptureSetup {
  readonly cameras: readonly { readonly spec: CameraSpec; readonly ring: SharedArrayBuffer }[];
  readonly timing: Partial<CaptureTiming>;
}

const port = parentPort!;
const { cameras, timing }: CaptureSetup = workerData;
const captures = cameras.map(
  ({ spec, ring }) =>
    new Capture({
      spec,
      ring: new FrameRing(ring),
      timing,
      onState: (state, message) =>
        port.postMessage({ camera: spec.name, state, message } satisfies CameraStatus),
    }),
);
for (const capture of captures) capture.start();

// Any message means the end: processes of ffmpeg must not outlive it.
port.once('message', () => {
  for (const capture of captures) capture.stop();
  port.close();
});
process.on('exit', () => {
  for (const capture of captures) capture.stop();
});
