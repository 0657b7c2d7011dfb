/**
 * Draws what a camera of a MuJoCo model sees, without a GPU or a window.
 *
 * The picture follows MuJoCo's own renderer: same tessellation, lights, materials, culling and near plane. A region of
 * interest is drawn directly through an off-centre view, so it costs what its own pixels cost.
 */
import type { MjData, MjModel } from '@mujoco/mujoco';
import type { ImageRequest } from '../../contract/camera.js';
import { FULL_FRAME, imageBytes } from '../../contract/camera.js';
import { UnknownCameraError, UsageError } from '../../contract/errors.js';
import { Kernel } from './kernel.js';
import { CAMERA, INSTANCE, LIGHT, RECORD_BYTES } from './layout.js';
import type { Drawable } from './scene.js';
import type { SceneData, SceneModel } from './model.js';
import { drawables } from './scene.js';

/** What of the MuJoCo module the renderer needs: its name look-up. */
export interface MujocoNames {
  mj_id2name(model: MjModel, type: number, id: number): string;
  readonly mjtObj: { readonly mjOBJ_CAMERA: { readonly value: number } };
}

export interface RenderOptions {
  /** Draws at twice the width and height and averages 2 x 2 pixels. */
  readonly supersample?: boolean;
}

/** Black, opaque. */
const BACKGROUND = 0xff000000;

/** mjtLightType of a directional light; every other kind is drawn as a spot light. Source: mujoco/mjmodel.h. */
const DIRECTIONAL = 1;

export class Renderer {
  /** Names of the model's cameras. */
  readonly cameras: readonly string[];
  readonly #model: SceneModel;
  readonly #kernel = new Kernel();
  readonly #supersample: boolean;
  readonly #drawables: Drawable[];
  readonly #instances: number;
  readonly #camera: number;
  readonly #lights: number;
  readonly #records: number;
  readonly #marks: number;
  readonly #list: number;
  readonly #pixels = new Map<number, { depth: number; colour: number; rgb: number }>();

  private constructor(mujoco: MujocoNames, model: MjModel, options: RenderOptions) {
    this.#model = model;
    this.#supersample = options.supersample ?? false;
    this.cameras = Array.from({ length: model.ncam }, (_, id) =>
      mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_CAMERA.value, id),
    );
    this.#drawables = drawables(model);
    this.#instances = this.#kernel.allocate(4 * INSTANCE.words * this.#drawables.length);
    this.#camera = this.#kernel.allocate(4 * CAMERA.words);
    this.#lights = this.#kernel.allocate(4 * LIGHT.words * (model.nlight + 1));
    const vertices = Math.max(0, ...this.#drawables.map(({ geometry }) => geometry.positions.length / 3));
    const triangles = Math.max(0, ...this.#drawables.map(({ geometry }) => geometry.indices.length / 3));
    this.#records = this.#kernel.allocate((vertices + 3) * RECORD_BYTES);
    this.#marks = this.#kernel.allocate(vertices / 4 + 1);
    this.#list = this.#kernel.allocate(4 * triangles);
    this.#drawables.forEach((drawable, i) =>
      this.#upload(drawable, this.#instances + 4 * INSTANCE.words * i),
    );
  }

  /** Prepares the model's meshes and materials. Changes to the model's appearance afterwards are not seen. */
  static create(mujoco: MujocoNames, model: MjModel, options: RenderOptions = {}): Renderer {
    return new Renderer(mujoco, model, options);
  }

  /**
   * Writes the image of `request` into `rgb` (length `imageBytes(request)`).
   * Needs poses up to date: call after mj_forward or mj_step (which run mj_kinematics and mj_camlight).
   * Throws UnknownCameraError, or UsageError for a size or region that cannot be drawn.
   */
  render(data: MjData, request: ImageRequest, rgb: Uint8Array): void {
    const id = this.cameras.indexOf(request.camera);
    if (id < 0) {
      throw new UnknownCameraError(
        `no camera '${request.camera}' in this scene; it has: ${this.cameras.join(', ')}`,
      );
    }
    const { width, height } = request;
    if (!(width > 0 && height > 0 && rgb.length === imageBytes(request))) {
      throw new UsageError(
        `an image of ${width} x ${height} needs ${imageBytes(request)} bytes, got ${rgb.length}`,
      );
    }
    const factor = this.#supersample ? 2 : 1;
    const pixels = this.#buffers(width * factor * height * factor);
    this.#placeInstances(data);
    this.#placeCamera(data, id, request, factor);
    const lightCount = this.#placeLights(data, id);
    const { call } = this.#kernel;
    call.draw(
      this.#instances,
      this.#drawables.length,
      this.#camera,
      this.#lights,
      lightCount,
      this.#records,
      this.#marks,
      this.#list,
      pixels.depth,
      pixels.colour,
      width * factor,
      height * factor,
      BACKGROUND,
    );
    if (this.#supersample) call.packHalved(pixels.colour, pixels.rgb, width, height);
    else call.packRgb(pixels.colour, pixels.rgb, width * height);
    rgb.set(this.#kernel.bytes(pixels.rgb, rgb.length));
  }

  #buffers(pixels: number): { depth: number; colour: number; rgb: number } {
    let found = this.#pixels.get(pixels);
    if (found === undefined) {
      found = {
        depth: this.#kernel.allocate(4 * pixels + 16),
        colour: this.#kernel.allocate(4 * pixels + 16),
        rgb: this.#kernel.allocate(3 * pixels + 16),
      };
      this.#pixels.set(pixels, found);
    }
    return found;
  }

  /** Copies a drawable's mesh and material into the kernel's memory. */
  #upload({ geometry, material }: Drawable, instance: number): void {
    const kernel = this.#kernel;
    const count = geometry.positions.length / 3;
    const blocks = Math.ceil(count / 4);
    const vertices = kernel.allocate(96 * blocks);
    const indices = kernel.allocate(4 * geometry.indices.length);
    const packed = kernel.floats(vertices, 24 * blocks);
    const low = [Infinity, Infinity, Infinity];
    const high = [-Infinity, -Infinity, -Infinity];
    for (let i = 0; i < 4 * blocks; i++) {
      const source = 3 * Math.min(i, count - 1);
      for (let axis = 0; axis < 3; axis++) {
        const value = geometry.positions[source + axis] ?? 0;
        packed[24 * (i >> 2) + 4 * axis + (i & 3)] = value;
        packed[24 * (i >> 2) + 12 + 4 * axis + (i & 3)] = geometry.normals[source + axis] ?? 0;
        low[axis] = Math.min(low[axis] ?? 0, value);
        high[axis] = Math.max(high[axis] ?? 0, value);
      }
    }
    kernel.words(indices, geometry.indices.length).set(geometry.indices.map((index) => index * RECORD_BYTES));
    const centre = low.map((value, axis) => (value + (high[axis] ?? 0)) / 2);
    let radius = 0;
    for (let i = 0; i < count; i++) {
      const offset = centre.map((value, axis) => (geometry.positions[3 * i + axis] ?? 0) - value);
      radius = Math.max(radius, Math.hypot(...offset));
    }
    const words = kernel.words(instance, INSTANCE.words);
    const floats = kernel.floats(instance, INSTANCE.words);
    words[INSTANCE.vertices] = vertices;
    words[INSTANCE.blocks] = blocks;
    words[INSTANCE.indices] = indices;
    words[INSTANCE.triangles] = geometry.indices.length / 3;
    floats.set(material.rgba, INSTANCE.red);
    for (let i = INSTANCE.red; i < INSTANCE.alpha; i++) floats[i] = (floats[i] ?? 0) * 255;
    floats[INSTANCE.emission] = material.emission;
    floats[INSTANCE.specular] = material.specular;
    words[INSTANCE.halfShininess] = Math.max(1, Math.round(material.shininess / 2));
    floats.set(centre, INSTANCE.centre);
    floats[INSTANCE.radius] = radius;
  }

  #placeInstances(data: SceneData): void {
    const positions = data.geom_xpos;
    const rotations = data.geom_xmat;
    const floats = this.#kernel.floats(this.#instances, INSTANCE.words * this.#drawables.length);
    this.#drawables.forEach(({ geom }, i) => {
      const base = INSTANCE.words * i;
      for (let k = 0; k < 3; k++) floats[base + INSTANCE.position + k] = positions[3 * geom + k] ?? 0;
      for (let k = 0; k < 9; k++) floats[base + INSTANCE.rotation + k] = rotations[9 * geom + k] ?? 0;
    });
  }

  #placeCamera(data: SceneData, id: number, request: ImageRequest, factor: number): void {
    const model = this.#model;
    const { x, y, width, height } = request.region ?? { x: 0, y: 0, ...FULL_FRAME };
    const floats = this.#kernel.floats(this.#camera, CAMERA.words);
    const position = data.cam_xpos.subarray(3 * id, 3 * id + 3);
    const rotation = data.cam_xmat.subarray(9 * id, 9 * id + 9);
    const fovy = (model.cam_fovy[id] ?? 45) * (Math.PI / 180);
    const focal = FULL_FRAME.height / 2 / Math.tan(fovy / 2);
    const perColumn = (factor * request.width) / width;
    const perRow = (factor * request.height) / height;
    floats.set(position, CAMERA.eye);
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
   * over all lights, without the fading that a spot light's share would have.
   */
  #placeLights(data: SceneData, camera: number): number {
    const model = this.#model;
    const ambient = this.#kernel
      .floats(this.#camera, CAMERA.words)
      .subarray(CAMERA.ambient, CAMERA.ambient + 3)
      .fill(0);
    const addAmbient = (light: ArrayLike<number>): void => {
      for (let k = 0; k < 3; k++) ambient[k] = (ambient[k] ?? 0) + (light[k] ?? 0);
    };
    let count = 0;
    const next = (): number => this.#lights + 4 * LIGHT.words * count++;
    const { headlight } = model.vis;
    if (headlight.active) {
      const at = next();
      const floats = this.#kernel.floats(at, LIGHT.words);
      floats.fill(0);
      for (let k = 0; k < 3; k++) floats[LIGHT.direction + k] = -(data.cam_xmat[9 * camera + 3 * k + 2] ?? 0);
      addAmbient(headlight.ambient);
      floats.set(headlight.diffuse, LIGHT.diffuse);
      floats.set(headlight.specular, LIGHT.specular);
    }
    for (let light = 0; light < model.nlight; light++) {
      const { active, castshadow } = model.light(light);
      if (!active) continue;
      const at = next();
      const floats = this.#kernel.floats(at, LIGHT.words);
      const words = this.#kernel.words(at, LIGHT.words);
      const triple = (array: ArrayLike<number>): number[] => [0, 1, 2].map((k) => array[3 * light + k] ?? 0);
      words[LIGHT.kind] = model.light_type[light] === DIRECTIONAL ? 0 : 1;
      floats.set(triple(data.light_xdir), LIGHT.direction);
      floats.set(triple(data.light_xpos), LIGHT.position);
      addAmbient(triple(model.light_ambient));
      floats.set(triple(model.light_diffuse), LIGHT.diffuse);
      floats.set(triple(model.light_specular), LIGHT.specular);
      floats.set(triple(model.light_attenuation), LIGHT.attenuation);
      floats[LIGHT.cosCutoff] = Math.cos(((model.light_cutoff[light] ?? 45) * Math.PI) / 180);
      words[LIGHT.exponent] = Math.round(model.light_exponent[light] ?? 0);
      words[LIGHT.casts] = castshadow ? 1 : 0;
    }
    return count;
  }
}
