/** Writes what changes from frame to frame into the kernel's memory: poses and the camera. */
import type { ImageRequest } from '../../contract/camera.js';
import { FULL_FRAME } from '../../contract/camera.js';
import type { Kernel } from './kernel.js';
import { CAMERA, INSTANCE } from './layout.js';
import type { SceneData } from './model.js';

/** Writes the poses of `geoms` into as many instances; returns whether any has moved. */
export function placeInstances(
  kernel: Kernel,
  instances: number,
  geoms: readonly number[],
  data: SceneData,
): boolean {
  const positions = data.geom_xpos;
  const rotations = data.geom_xmat;
  const floats = kernel.floats(instances, INSTANCE.words * geoms.length);
  let moved = false;
  const put = (at: number, value: number): void => {
    const rounded = Math.fround(value);
    moved ||= floats[at] !== rounded;
    floats[at] = rounded;
  };
  let base = 0;
  for (const geom of geoms) {
    for (let k = 0; k < 3; k++) put(base + INSTANCE.position + k, positions[3 * geom + k] ?? 0);
    for (let k = 0; k < 9; k++) put(base + INSTANCE.rotation + k, rotations[9 * geom + k] ?? 0);
    base += INSTANCE.words;
  }
  return moved;
}

/** What of a camera never changes: its vertical angle of view [rad] and the near plane [m]. */
export interface CameraOptics {
  readonly fovy: number;
  readonly near: number;
}

/** Of the whole frame, along both axes [px]; source: MuJoCo, whose angle of view is the vertical one. */
export const focalLength = ({ fovy }: CameraOptics): number => FULL_FRAME.height / 2 / Math.tan(fovy / 2);

/** Writes camera `id` so that the requested region fills `request.width * factor` columns. */
export function placeCamera(
  kernel: Kernel,
  camera: number,
  optics: CameraOptics,
  data: SceneData,
  id: number,
  request: ImageRequest,
  factor: number,
): void {
  const { x, y, width, height } = request.region ?? { x: 0, y: 0, ...FULL_FRAME };
  const rotation = data.cam_xmat;
  const position = data.cam_xpos;
  const focal = focalLength(optics);
  const perColumn = (factor * request.width) / width;
  const perRow = (factor * request.height) / height;
  const floats = kernel.floats(camera, CAMERA.words);
  for (let k = 0; k < 3; k++) {
    floats[CAMERA.eye + k] = position[3 * id + k] ?? 0;
    floats[CAMERA.right + k] = rotation[9 * id + 3 * k] ?? 0;
    floats[CAMERA.up + k] = rotation[9 * id + 3 * k + 1] ?? 0;
    floats[CAMERA.back + k] = rotation[9 * id + 3 * k + 2] ?? 0;
  }
  floats[CAMERA.scaleX] = focal * perColumn;
  floats[CAMERA.scaleY] = focal * perRow;
  floats[CAMERA.centreX] = (FULL_FRAME.width / 2 - x) * perColumn;
  floats[CAMERA.centreY] = (FULL_FRAME.height / 2 - y) * perRow;
  floats[CAMERA.near] = optics.near;
}
