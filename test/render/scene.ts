/** Loads scenes for the renderer's tests, and takes pictures of them. */
import loadMujoco from '@mujoco/mujoco';
import type { MjData, MjModel } from '@mujoco/mujoco';
import type { ImageRequest } from '#alohad/contract/camera.js';
import type { RenderOptions } from '#alohad/simulation/render/renderer.js';
import { Renderer } from '#alohad/simulation/render/renderer.js';

const mujoco = await loadMujoco();

export interface Scene {
  readonly model: MjModel;
  readonly data: MjData;
  readonly renderer: Renderer;
  /** Takes a picture, 640 x 480 unless said otherwise. */
  shoot(request: Partial<ImageRequest> & { camera: string }): Picture;
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
  /** Red, green and blue of a pixel. */
  at(column: number, row: number): number[];
}

/** Loads a scene and prepares a renderer; without supersampling unless asked for. */
export function loadScene(xml: string, options: RenderOptions = { supersample: false }): Scene {
  const model = mujoco.MjModel.from_xml_string(xml);
  const data = new mujoco.MjData(model);
  mujoco.mj_forward(model, data);
  const renderer = Renderer.create(mujoco, model, options);
  return {
    model,
    data,
    renderer,
    shoot(request) {
      const full = { width: 640, height: 480, ...request };
      const rgb = new Uint8Array(full.width * full.height * 3);
      renderer.render(data, full, rgb);
      return picture(full.width, full.height, rgb);
    },
  };
}

/** Makes a file known to scenes that are loaded later. */
export const putFile = (path: string, bytes: Uint8Array): void => mujoco.FS.writeFile(path, bytes);

export const forward = ({ model, data }: Scene): void => mujoco.mj_forward(model, data);

export function picture(width: number, height: number, rgb: Uint8Array): Picture {
  return {
    width,
    height,
    rgb,
    at: (column, row) => [...rgb.subarray(3 * (row * width + column)).subarray(0, 3)],
  };
}

/** A scene of unlit, single-coloured geoms: what is drawn has exactly the colour that was given. */
export const flatScene = (geoms: string, cameras: string, rest = ''): string => `
  <mujoco>
    <statistic extent="1" center="0 0 0"/>
    <visual>
      <headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/>
      <map znear="0.01"/>
      <quality numslices="96" numstacks="64"/>
    </visual>
    ${rest}
    <worldbody>${geoms}${cameras}</worldbody>
  </mujoco>`;

/** Number of pixels of about this colour. */
export function area({ rgb }: Picture, colour: readonly number[]): number {
  let count = 0;
  for (let i = 0; i < rgb.length; i += 3) {
    if (colour.every((value, k) => Math.abs(value - (rgb[i + k] ?? 0)) <= 1)) count++;
  }
  return count;
}

/** Mean position of the pixels of about this colour; the centre of the top left pixel is (0.5, 0.5). */
export function centroid({ width, rgb }: Picture, colour: readonly number[]): [x: number, y: number] {
  let [x, y, count] = [0, 0, 0];
  for (let i = 0; i < rgb.length; i += 3) {
    if (!colour.every((value, k) => Math.abs(value - (rgb[i + k] ?? 0)) <= 1)) continue;
    x += ((i / 3) % width) + 0.5;
    y += Math.floor(i / 3 / width) + 0.5;
    count++;
  }
  return [x / count, y / count];
}

/** Whether two pictures are equal. (Comparing such arrays with `toEqual` takes seconds.) */
export const sameBytes = (a: Picture, b: Picture): boolean => Buffer.compare(a.rgb, b.rgb) === 0;

/** Mean absolute difference of two pictures, 0..255. */
export function difference(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs((a[i] ?? 0) - (b[i] ?? 0));
  return sum / a.length;
}
