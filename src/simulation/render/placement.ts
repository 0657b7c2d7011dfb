/** Writes what changes from frame to frame into the kernel's memory: poses, the camera, the lights. */
import type { ImageRequest } from '../../contract/camera.js';
import { FULL_FRAME } from '../../contract/camera.js';
import type { Kernel } from './kernel.js';
import { CAMERA, INSTANCE, LIGHT } from './layout.js';
import type { SceneData, SceneModel } from './model.js';

/** mjtLightType of a directional light; every other kind is drawn as a spot light. Source: mujoco/mjmodel.h. */
const DIRECTIONAL = 1;

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

/** Writes the camera so that the requested region fills `request.width * factor` columns. */
export function placeCamera(
  kernel: Kernel,
  camera: number,
  model: SceneModel,
  data: SceneData,
  id: number,
  request: ImageRequest,
  factor: number,
): void {
  const { x, y, width, height } = request.region ?? { x: 0, y: 0, ...FULL_FRAME };
  const rotation = data.cam_xmat.subarray(9 * id, 9 * id + 9);
  const fovy = ((model.cam_fovy[id] ?? 45) * Math.PI) / 180;
  const focal = FULL_FRAME.height / 2 / Math.tan(fovy / 2);
  const perColumn = (factor * request.width) / width;
  const perRow = (factor * request.height) / height;
  const floats = kernel.floats(camera, CAMERA.words);
  floats.set(data.cam_xpos.subarray(3 * id, 3 * id + 3), CAMERA.eye);
  for (let k = 0; k < 3; k++) {
    floats[CAMERA.right + k] = rotation[3 * k] ?? 0;
    floats[CAMERA.up + k] = rotation[3 * k + 1] ?? 0;
    floats[CAMERA.back + k] = rotation[3 * k + 2] ?? 0;
  }
  floats[CAMERA.scaleX] = focal * perColumn;
  floats[CAMERA.scaleY] = focal * perRow;
  floats[CAMERA.centreX] = (FULL_FRAME.width / 2 - x) * perColumn;
  floats[CAMERA.centreY] = (FULL_FRAME.height / 2 - y) * perRow;
  floats[CAMERA.near] = model.vis.map.znear * model.stat.extent;
}

/**
 * Writes the lights and returns their number. The headlight shines along the camera's view. Ambient light is summed
 * over all lights, without the fading that a spot light's share would have. Light `caster` is marked as the one whose
 * shadows are drawn.
 */
export function placeLights(
  kernel: Kernel,
  lights: number,
  camera: number,
  model: SceneModel,
  data: SceneData,
  caster: number,
): number {
  const view = kernel.floats(camera, CAMERA.words);
  const ambient = view.subarray(CAMERA.ambient, CAMERA.ambient + 3).fill(0);
  const addAmbient = (light: ArrayLike<number>): void => {
    for (let k = 0; k < 3; k++) ambient[k] = (ambient[k] ?? 0) + (light[k] ?? 0);
  };
  let count = 0;
  const next = (): number => lights + 4 * LIGHT.words * count++;
  const { headlight } = model.vis;
  if (headlight.active) {
    const floats = kernel.floats(next(), LIGHT.words).fill(0);
    for (let k = 0; k < 3; k++) floats[LIGHT.direction + k] = -(view[CAMERA.back + k] ?? 0);
    addAmbient(headlight.ambient);
    floats.set(headlight.diffuse, LIGHT.diffuse);
    floats.set(headlight.specular, LIGHT.specular);
  }
  for (let light = 0; light < model.nlight; light++) {
    if (!model.light(light).active) continue;
    const at = next();
    const floats = kernel.floats(at, LIGHT.words);
    const words = kernel.words(at, LIGHT.words);
    const triple = (array: ArrayLike<number>): number[] => [0, 1, 2].map((k) => array[3 * light + k] ?? 0);
    words[LIGHT.kind] = isDirectional(model, light) ? 0 : 1;
    floats.set(triple(data.light_xdir), LIGHT.direction);
    floats.set(triple(data.light_xpos), LIGHT.position);
    addAmbient(triple(model.light_ambient));
    floats.set(triple(model.light_diffuse), LIGHT.diffuse);
    floats.set(triple(model.light_specular), LIGHT.specular);
    floats.set(triple(model.light_attenuation), LIGHT.attenuation);
    floats[LIGHT.cosCutoff] = Math.cos(((model.light_cutoff[light] ?? 45) * Math.PI) / 180);
    words[LIGHT.exponent] = Math.round(model.light_exponent[light] ?? 0);
    words[LIGHT.casts] = light === caster ? 1 : 0;
  }
  return count;
}

/** Whether a light of the model is directional (rather than a spot). */
export const isDirectional = (model: SceneModel, light: number): boolean =>
  model.light_type[light] === DIRECTIONAL;
