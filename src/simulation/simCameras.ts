/** Images of a simulated world: of the present moment, or drawn again from stored physics states. */
import type { CameraName, CaptureInfo, ImageRequest, ImageSource, Intrinsics } from '../contract/camera.js';
import type { EpisodeData, EpisodeImages } from '../contract/episode.js';
import { Renderer } from './render/renderer.js';
import { World, type WorldOptions } from './world.js';

/** Cameras of a world that others step. */
export class SimCameras implements ImageSource {
  readonly cameras: readonly CameraName[];
  readonly #world: World;
  readonly #renderer: Renderer;
  readonly #frame: () => number;

  /** @param frame number of the present frame: images of one control step are the same frame */
  constructor(world: World, frame: () => number) {
    this.cameras = world.cameras;
    this.#world = world;
    this.#renderer = Renderer.create(world.mujoco, world.model);
    this.#frame = frame;
  }

  capture(request: ImageRequest, rgb: Uint8Array): CaptureInfo {
    const camera = this.#world.cameraName(request.camera);
    this.#renderer.render(this.#world.data, { ...request, camera }, rgb);
    return { sequence: this.#frame(), timeMs: performance.now() };
  }

  intrinsics(camera: CameraName): Intrinsics {
    return this.#renderer.intrinsics(this.#world.cameraName(camera));
  }
}

/** Images of recorded simulation episodes, drawn again: nothing but physics states needs to be stored. */
export class SimImages implements EpisodeImages {
  readonly #world: World;
  readonly #cameras: SimCameras;
  #drawn: { readonly episode: EpisodeData; readonly step: number } | undefined;

  /** A world of its own; throws as `World.load`. */
  static async create(options: WorldOptions): Promise<SimImages> {
    const world = await World.load(options);
    return new SimImages(world);
  }

  private constructor(world: World) {
    this.#world = world;
    this.#cameras = new SimCameras(world, () => 0);
  }

  get cameras(): readonly CameraName[] {
    return this.#world.cameras;
  }

  /** Identifies the scene that is drawn; see `World.sceneSha256`. */
  get sceneSha256(): string {
    return this.#world.sceneSha256;
  }

  /** Throws SceneError when the episode was recorded in another scene, UnknownCameraError. */
  image(episode: EpisodeData, step: number, request: ImageRequest, rgb: Uint8Array): void {
    if (this.#drawn?.episode !== episode || this.#drawn.step !== step) {
      const size = episode.physicsState.length / episode.steps;
      this.#world.setState(episode.physicsState.subarray(step * size, (step + 1) * size));
      this.#drawn = { episode, step };
    }
    this.#cameras.capture(request, rgb);
  }

  dispose(): void {
    this.#world.dispose();
  }
}
