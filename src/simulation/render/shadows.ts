/** Shadows of one directional light, from a depth map fitted around the scene. */
import type { Kernel } from './kernel.js';
import { INSTANCE, SHADOW } from './layout.js';
import type { SceneData, SceneModel } from './model.js';
import type { Room } from './upload.js';

/** Texels along a side of the shadow map: about 2 mm on a table of 1.2 m. */
const MAP_SIZE = 1024;

/** How far behind the map's surface a point counts as hidden [texels]: less gives specks, more loosens the contact. */
const BIAS_TEXELS = 2.5;

/** Spheres greater than this many model extents (floors) receive shadows, but the map is not stretched over them. */
const LARGEST_CASTER = 1;

type Vector = [number, number, number];

export class Shadows {
  readonly #kernel: Kernel;
  readonly #light: number;
  readonly #block: number;
  readonly #map: number;
  /** Radius beyond which a sphere does not stretch the map [m]. */
  readonly #largest: number;
  #bias = 0;

  /** @param light the model's light that casts them; it must be directional */
  constructor(kernel: Kernel, model: SceneModel, light: number) {
    this.#kernel = kernel;
    this.#light = light;
    this.#largest = LARGEST_CASTER * model.stat.extent;
    this.#block = kernel.allocate(4 * SHADOW.words);
    this.#map = kernel.allocate(4 * MAP_SIZE * MAP_SIZE + 16);
  }

  /** Draws the map anew; needed when something has moved.  */
  cast(instances: number, count: number, data: SceneData, room: Room): void {
    this.#fit(instances, count, data);
    this.#kernel.call.castShadows(
      instances,
      count,
      this.#block,
      room.screen,
      room.marks,
      room.list,
      this.#map,
      MAP_SIZE,
    );
  }

  /** Darkens what lies in the shadow in the kernel's current target. */
  apply(camera: number): void {
    this.#kernel.call.applyShadows(camera, this.#block, this.#map, MAP_SIZE, this.#bias);
  }

  /** Lays the map around the bounding spheres of all casters, as seen from the light. */
  #fit(instances: number, count: number, data: SceneData): void {
    const forward = unit([0, 1, 2].map((k) => data.light_xdir[3 * this.#light + k] ?? 0));
    const right = unit(
      Math.abs(forward[2]) < 0.9 ? [-forward[1], forward[0], 0] : [0, -forward[2], forward[1]],
    );
    const down: Vector = [
      forward[1] * right[2] - forward[2] * right[1],
      forward[2] * right[0] - forward[0] * right[2],
      forward[0] * right[1] - forward[1] * right[0],
    ];
    const axes = [right, down, forward];
    const low = [Infinity, Infinity, Infinity];
    const high = [-Infinity, -Infinity, -Infinity];
    const floats = this.#kernel.floats(instances, INSTANCE.words * count);
    for (let base = 0; base < floats.length; base += INSTANCE.words) {
      const radius = floats[base + INSTANCE.radius] ?? 0;
      if (radius > this.#largest) continue;
      const centre = [0, 1, 2].map((row) => {
        const m = base + INSTANCE.rotation + 3 * row;
        const local = [0, 1, 2].map((k) => (floats[m + k] ?? 0) * (floats[base + INSTANCE.centre + k] ?? 0));
        return (
          (floats[base + INSTANCE.position + row] ?? 0) + (local[0] ?? 0) + (local[1] ?? 0) + (local[2] ?? 0)
        );
      });
      axes.forEach((axis, k) => {
        const at = dot(axis, centre);
        low[k] = Math.min(low[k] ?? 0, at - radius);
        high[k] = Math.max(high[k] ?? 0, at + radius);
      });
    }
    const span = (k: number): number => Math.max(1e-6, (high[k] ?? 0) - (low[k] ?? 0));
    const perMetre = (MAP_SIZE - 4) / Math.max(span(0), span(1));
    const range = 2 * span(2);
    this.#bias = BIAS_TEXELS / perMetre / range;
    // The origin is where the map's corner, two texels off, meets the plane nearest to the light.
    const corner = axes.map((_, k) => (low[k] ?? 0) - (k < 2 ? 2 / perMetre : 0));
    const origin = [0, 1, 2].map((row) =>
      axes.reduce((sum, axis, k) => sum + (axis[row] ?? 0) * (corner[k] ?? 0), 0),
    );
    const block = this.#kernel.floats(this.#block, SHADOW.words);
    block.set(origin, SHADOW.origin);
    axes.forEach((axis, k) => {
      const scale = k < 2 ? perMetre : 1 / range;
      block.set(
        axis.map((value) => value * scale),
        SHADOW.right + 3 * k,
      );
    });
  }
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  (a[0] ?? 0) * (b[0] ?? 0) + (a[1] ?? 0) * (b[1] ?? 0) + (a[2] ?? 0) * (b[2] ?? 0);

function unit([x = 0, y = 0, z = 0]: readonly number[]): Vector {
  const length = Math.hypot(x, y, z) || 1;
  return [x / length, y / length, z / length];
}
