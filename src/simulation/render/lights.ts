/** The lights of a model: what never changes is written once, directions and positions in every frame. */
import type { Kernel } from './kernel.js';
import { CAMERA, LIGHT } from './layout.js';
import type { SceneData, SceneModel } from './model.js';

/** mjtLightType of a directional light; every other kind is drawn as a spot light. Source: mujoco/mjmodel.h. */
const DIRECTIONAL = 1;

export interface Lights {
  /** Byte offset of the first light, and how many there are. */
  readonly first: number;
  readonly count: number;
  /** The model's light behind each of them; undefined for the headlight. */
  readonly ids: readonly (number | undefined)[];
  /** The first directional light that casts shadows; undefined where there is none. */
  readonly caster: number | undefined;
}

/**
 * Writes the colours and kinds of the active lights, and the sum of their ambient light into the camera's block. A spot
 * light's ambient light would fade with distance in MuJoCo; here it does not.
 */
export function uploadLights(kernel: Kernel, model: SceneModel, camera: number): Lights {
  const flags = Array.from({ length: model.nlight }, (_, id) => lightFlags(model, id));
  const isDirectional = (id: number): boolean => model.light_type[id] === DIRECTIONAL;
  const caster = flags.findIndex(({ active, casts }, id) => active && casts && isDirectional(id));
  const active = Array.from(flags.keys()).filter((id) => flags[id]?.active);
  const { headlight } = model.vis;
  const ids = headlight.active ? [undefined, ...active] : active;
  const first = kernel.allocate(4 * LIGHT.words * ids.length);
  const ambient = [0, 0, 0];
  ids.forEach((id, i) => {
    const floats = kernel.floats(first + 4 * LIGHT.words * i, LIGHT.words);
    const words = kernel.words(first + 4 * LIGHT.words * i, LIGHT.words);
    const triple = (array: Float32Array): number[] => [0, 1, 2].map((k) => array[3 * (id ?? 0) + k] ?? 0);
    const light = id === undefined ? headlight : model;
    const colours =
      'ambient' in light
        ? [light.ambient, light.diffuse, light.specular]
        : [triple(light.light_ambient), triple(light.light_diffuse), triple(light.light_specular)];
    for (const k of ambient.keys()) ambient[k] = (ambient[k] ?? 0) + (colours[0]?.[k] ?? 0);
    floats.set(colours[1] ?? [], LIGHT.diffuse);
    floats.set(colours[2] ?? [], LIGHT.specular);
    if (id === undefined || isDirectional(id)) {
      words[LIGHT.casts] = id !== undefined && id === caster ? 1 : 0;
      return;
    }
    words[LIGHT.kind] = 1;
    floats.set(triple(model.light_attenuation), LIGHT.attenuation);
    floats[LIGHT.cosCutoff] = Math.cos(((model.light_cutoff[id] ?? 45) * Math.PI) / 180);
    words[LIGHT.exponent] = Math.round(model.light_exponent[id] ?? 0);
  });
  kernel.floats(camera, CAMERA.words).set(ambient, CAMERA.ambient);
  return { first, count: ids.length, ids, caster: caster < 0 ? undefined : caster };
}

/** Writes where the lights are and shine in this frame; the headlight shines along the camera's view. */
export function placeLights(kernel: Kernel, lights: Lights, camera: number, data: SceneData): void {
  const view = kernel.floats(camera, CAMERA.words);
  const floats = kernel.floats(lights.first, LIGHT.words * lights.count);
  const directions = data.light_xdir;
  const positions = data.light_xpos;
  lights.ids.forEach((id, i) => {
    const base = LIGHT.words * i;
    for (let k = 0; k < 3; k++) {
      floats[base + LIGHT.direction + k] =
        id === undefined ? -(view[CAMERA.back + k] ?? 0) : (directions[3 * id + k] ?? 0);
      if (id !== undefined) floats[base + LIGHT.position + k] = positions[3 * id + k] ?? 0;
    }
  });
}

/** Read through an accessor, which must be given back; the whole-array views throw in @mujoco/mujoco 3.14. */
function lightFlags(model: SceneModel, id: number): { active: boolean; casts: boolean } {
  const light = model.light(id);
  const flags = { active: light.active, casts: light.castshadow };
  light.delete();
  return flags;
}
