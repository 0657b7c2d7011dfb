/**
 * Draws what a camera of a MuJoCo model sees, without a GPU or a window.
 *
 * The picture follows MuJoCo's own renderer: same tessellation, lights, materials, culling and near plane. A region of
 * interest is drawn directly through an off-centre view, so it costs what its own pixels cost. Not drawn: height
 * fields, flexes, skins, sites, tendons, reflections, fog and haze. Textures that need a mesh's own coordinates become
 * their mean colour, planar ones on round shapes are projected along z, and none is filtered.
 */
import type { MjData, MjModel } from '@mujoco/mujoco';
import type { CameraName, ImageRequest, Intrinsics } from '../../contract/camera.js';
import { FULL_FRAME, imageBytes } from '../../contract/camera.js';
import { UnknownCameraError, UsageError } from '../../contract/errors.js';
import { Kernel } from './kernel.js';
import { CAMERA, INSTANCE } from './layout.js';
import type { Lights } from './lights.js';
import { placeLights, uploadLights } from './lights.js';
import type { SceneModel } from './model.js';
import type { CameraOptics } from './placement.js';
import { focalLength, placeCamera, placeInstances } from './placement.js';
import type { Drawable } from './scene.js';
import { drawables } from './scene.js';
import { Shadows } from './shadows.js';
import { skyTexture } from './textures.js';
import type { Room } from './upload.js';
import { allocateRoom, uploadDrawable, uploadTexture } from './upload.js';

/** What of the MuJoCo module the renderer needs: its name look-up. */
export interface MujocoNames {
  mj_id2name(model: MjModel, type: number, id: number): string;
  readonly mjtObj: { readonly mjOBJ_CAMERA: { readonly value: number } };
}

export interface RenderOptions {
  /**
   * Draws at twice the width and height and averages 2 x 2 pixels. By default for images of at most 320 x 240: there
   * it costs little, and a policy localises by the grey of edge pixels.
   */
  readonly supersample?: boolean;
  /** Shadows of the first directional light that casts any. Off by default: about twice the time. */
  readonly shadows?: boolean;
}

/** Largest image that is supersampled by default [px]. */
const SMALL_IMAGE = 320 * 240;

/** Geoms less opaque than this are blended after all others; source: MuJoCo's renderer. */
const OPAQUE = 0.995;

/** Pixels, their depths and the packed result of one image size, as byte offsets. */
interface Buffers {
  readonly depth: number;
  readonly colour: number;
  readonly rgb: number;
}

export class Renderer {
  /** Names of the model's cameras. */
  readonly cameras: readonly string[];
  readonly #optics: readonly CameraOptics[];
  readonly #options: RenderOptions;
  readonly #kernel = new Kernel();
  /** Opaque ones first. */
  readonly #drawables: readonly Drawable[];
  readonly #geoms: readonly number[];
  readonly #opaque: number;
  readonly #instances: number;
  readonly #camera: number;
  readonly #lights: Lights;
  readonly #room: Room;
  readonly #shadows: Shadows | undefined;
  readonly #sky: { readonly faces: number; readonly size: number } | undefined;
  readonly #buffers = new Map<number, Buffers>();

  private constructor(mujoco: MujocoNames, model: MjModel, options: RenderOptions) {
    const kernel = this.#kernel;
    this.#options = options;
    this.cameras = Array.from({ length: model.ncam }, (_, id) =>
      mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_CAMERA.value, id),
    );
    const near = model.vis.map.znear * model.stat.extent;
    const { cam_fovy }: SceneModel = model;
    this.#optics = Array.from(cam_fovy, (degrees) => ({ fovy: (degrees * Math.PI) / 180, near }));
    const isOpaque = ({ material }: Drawable): boolean => (material.rgba[3] ?? 1) >= OPAQUE;
    const all = drawables(model);
    this.#drawables = [...all.filter(isOpaque), ...all.filter((drawable) => !isOpaque(drawable))];
    this.#geoms = this.#drawables.map(({ geom }) => geom);
    this.#opaque = all.filter(isOpaque).length;
    this.#instances = kernel.allocate(4 * INSTANCE.words * all.length);
    this.#camera = kernel.allocate(4 * CAMERA.words);
    this.#lights = uploadLights(kernel, model, this.#camera);
    this.#room = allocateRoom(kernel, all);
    this.#drawables.forEach((drawable, i) => uploadDrawable(kernel, drawable, this.#instance(i)));
    const sky = skyTexture(model);
    this.#sky = sky === undefined ? undefined : { faces: uploadTexture(kernel, sky), size: sky.width };
    this.#shadows =
      options.shadows && this.#lights.caster !== undefined
        ? new Shadows(kernel, model, this.#lights.caster)
        : undefined;
  }

  /** Prepares the model's meshes and materials. Changes to the model's appearance afterwards are not seen. */
  static create(mujoco: MujocoNames, model: MjModel, options: RenderOptions = {}): Renderer {
    return new Renderer(mujoco, model, options);
  }

  /** Of the whole frame, which has its optical axis in the middle. Throws UnknownCameraError. */
  intrinsics(camera: CameraName): Intrinsics {
    const { width, height } = FULL_FRAME;
    const focal = focalLength(this.#find(camera).optics);
    // Pixels are numbered by their centres.
    return {
      width,
      height,
      fx: focal,
      fy: focal,
      cx: (width - 1) / 2,
      cy: (height - 1) / 2,
      distortion: [],
    };
  }

  /**
   * Writes the image of `request` into `rgb` (length `imageBytes(request)`).
   * Needs poses up to date: call after mj_forward or mj_step (which run mj_kinematics and mj_camlight).
   * Throws UnknownCameraError, or UsageError for a size or region that cannot be drawn.
   */
  render(data: MjData, request: ImageRequest, rgb: Uint8Array): void {
    const { id, optics } = this.#check(request, rgb);
    const { width, height } = request;
    const supersample = this.#options.supersample ?? width * height <= SMALL_IMAGE;
    const factor = supersample ? 2 : 1;
    const kernel = this.#kernel;
    const { call } = kernel;
    const buffers = this.#buffersOf(width * factor * height * factor);
    const moved = placeInstances(kernel, this.#instances, this.#geoms, data);
    placeCamera(kernel, this.#camera, optics, data, id, request, factor);
    placeLights(kernel, this.#lights, this.#camera, data);
    if (moved) this.#shadows?.cast(this.#instances, this.#opaque, data, this.#room);

    const { screen, colours, marks, list, inView } = this.#room;
    const draw = (instance: number, count: number): void =>
      call.drawInstances(
        this.#instance(instance),
        count,
        this.#camera,
        this.#lights.first,
        this.#lights.count,
        screen,
        colours,
        marks,
        list,
        inView,
      );
    call.setTarget(buffers.depth, buffers.colour, width * factor, height * factor);
    call.clearTarget();
    draw(0, this.#opaque);
    this.#shadows?.apply(this.#camera);
    if (this.#sky !== undefined) call.drawSky(this.#camera, this.#sky.faces, this.#sky.size);
    // Twice, as MuJoCo does: near to far, then far to near.
    const transparent = this.#transparentByDistance(data, id);
    for (const instance of [...transparent, ...transparent.toReversed()]) draw(instance, 1);
    if (supersample) call.packHalved(buffers.colour, buffers.rgb, width, height);
    else call.packRgb(buffers.colour, buffers.rgb, width * height);
    rgb.set(kernel.bytes(buffers.rgb, rgb.length));
  }

  #find(camera: CameraName): { id: number; optics: CameraOptics } {
    const id = this.cameras.indexOf(camera);
    const optics = this.#optics[id];
    if (optics === undefined) {
      throw new UnknownCameraError(`no camera '${camera}' in this scene; it has: ${this.cameras.join(', ')}`);
    }
    return { id, optics };
  }

  /** The request's camera, once all of the request is found sound. */
  #check(
    { camera, width, height, region }: ImageRequest,
    rgb: Uint8Array,
  ): { id: number; optics: CameraOptics } {
    const found = this.#find(camera);
    const whole = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= 4096;
    if (!whole(width) || !whole(height)) {
      throw new UsageError(
        `an image of ${width} x ${height} cannot be drawn; give whole numbers from 1 to 4096`,
      );
    }
    if (region !== undefined && !(region.width > 0 && region.height > 0)) {
      throw new UsageError(
        `a region of ${region.width} x ${region.height} is empty; give it in pixels of the ${FULL_FRAME.width} x ${FULL_FRAME.height} frame`,
      );
    }
    const bytes = imageBytes({ camera, width, height });
    if (rgb.length !== bytes) {
      throw new UsageError(
        `an image of ${width} x ${height} fills ${bytes} bytes, but was given ${rgb.length}`,
      );
    }
    return found;
  }

  #instance(i: number): number {
    return this.#instances + 4 * INSTANCE.words * i;
  }

  /** Transparent instances, the nearest to the camera first. */
  #transparentByDistance(data: MjData, camera: number): number[] {
    const { cam_xpos: eye, geom_xpos: at }: { cam_xpos: Float64Array; geom_xpos: Float64Array } = data;
    const distance = (i: number): number => {
      const geom = this.#geoms[i] ?? 0;
      return Math.hypot(...[0, 1, 2].map((k) => (at[3 * geom + k] ?? 0) - (eye[3 * camera + k] ?? 0)));
    };
    const count = this.#drawables.length - this.#opaque;
    const instances = Array.from({ length: count }, (_, i) => this.#opaque + i);
    return instances.sort((a, b) => distance(a) - distance(b));
  }

  #buffersOf(pixels: number): Buffers {
    let found = this.#buffers.get(pixels);
    if (found === undefined) {
      const kernel = this.#kernel;
      found = {
        depth: kernel.allocate(4 * pixels + 16),
        colour: kernel.allocate(4 * pixels + 64),
        rgb: kernel.allocate(3 * pixels + 64),
      };
      this.#buffers.set(pixels, found);
    }
    return found;
  }
}
