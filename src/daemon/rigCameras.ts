/** The cameras of a rig: their sources as the capture wants them, and what is told to people. */
import type { Rig, RigCamera } from '../config/rig.js';
import type { CameraStatus } from '../contract/camera.js';
import { RigError } from '../contract/errors.js';
import type { CameraOrigin, CameraSpec } from '../hardware/webcam/source.js';
import { Webcams } from '../hardware/webcam/webcams.js';
import { decodeRequested } from './jpegDecoder.js';
import type { CapturedView } from './serve/orders.js';
import type { Workcell } from './workcell.js';

/** Emulated servos share the processors with everything else, often with who draws the pictures; nobody can be hurt. */
const EMULATOR_PATIENCE = { staleMs: 1000, stallMs: 3000 } as const;

export const cameraSpecs = ({ cameras }: Rig): CameraSpec[] =>
  Object.entries(cameras).map(([name, camera]) => {
    const { width, height, fps, intrinsics } = camera;
    const origin = originOf(name, camera);
    return {
      name,
      origin,
      width,
      height,
      fps,
      ...(intrinsics && { intrinsics: { width, height, ...intrinsics } }),
    };
  });

function originOf(name: string, { device, file, url, test }: RigCamera): CameraOrigin {
  if (device !== undefined) return { kind: 'device', path: device };
  if (file !== undefined) return { kind: 'file', path: file };
  if (url !== undefined) return { kind: 'url', url };
  if (test !== undefined) return { kind: 'test', filter: test };
  throw new RigError(`camera ${name} has no source: give one of device, file, url, test`);
}

/** Undefined when the rig has none. Cameras with a fault are opened, too: they may come back. */
export async function openWebcams(rig: Rig): Promise<Webcams | undefined> {
  const specs = cameraSpecs(rig);
  if (specs.length === 0) return undefined;
  const timing = rig.backend === 'real' ? {} : EMULATOR_PATIENCE;
  return await Webcams.open(specs, { decode: decodeRequested, timing });
}

/** What a thread needs that shows these cameras to people. */
export const capturedView = (webcams: Webcams): CapturedView => ({
  kind: 'captured',
  rings: webcams.cameras.map((camera) => ({ camera, ring: webcams.ring(camera).memory })),
});

/** Says what is wrong with the cell's cameras, now and whenever it changes. */
export const warnOfCameras = ({ webcams }: Workcell, say: (text: string) => void): void => {
  webcams?.listen((status) => say(describeCamera(status)));
};

export const describeCamera = ({ camera, state, message }: CameraStatus): string =>
  `camera ${camera} is ${state}${message === '' ? '' : `: ${message}`}`;
