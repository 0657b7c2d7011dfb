/**
 * Numbers by name and index, the same in TypeScript and in the Python that made the fixtures: a fixture of an 84 M
 * parameter network is then only its configuration and its output. See fixtures/README.md.
 */
import type { ActConfig, Statistics } from '#alohad/network/actConfig.js';
import { parameterShapes, type Weight } from '#alohad/network/actParameters.js';
import type { ActBatch } from '#alohad/network/actTrainer.js';

/** Entry `index` of a name's stream, 32 bits: a counter from the name's FNV-1a hash, through a multiply-xor mixer. */
export function stream(name: string): (index: number) => number {
  let seed = 2166136261;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 16777619);
  return (index) => {
    let x = (seed + Math.imul(index, 0x9e3779b9)) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    return (x ^ (x >>> 15)) >>> 0;
  };
}

/** `offset + scale * u` with u in [-1, 1) on a grid of 2^-23, rounded to float32. */
export function uniform(name: string, count: number, scale = 1, offset = 0): Float32Array {
  const bits = stream(name);
  const numbers = new Float32Array(count);
  for (let i = 0; i < count; i++) numbers[i] = offset + scale * ((bits(i) >>> 8) / 2 ** 23 - 1);
  return numbers;
}

export function weight(name: string, shape: readonly number[]): Weight {
  const size = shape.reduce((product, n) => product * n, 1);
  const fanIn = shape.slice(1).reduce((product, n) => product * n, 1);
  const data = (scale: number, offset = 0): Weight => ({ shape, data: uniform(name, size, scale, offset) });
  if (/(\.scale|(norm|bn)\d?\.weight|downsample\.1\.weight|running_var)$/.test(name)) return data(0.1, 1);
  if (/(^(queries|token_positions|camera_embedding|cvae\.class_token)|embed\.weight)$/.test(name))
    return data(1);
  if (shape.length < 2) return data(0.1);
  // Queries and keys are doubled: attention then picks tokens, and a token in the wrong place shows.
  return data(Math.sqrt((/(\.(query|key)\.|\.in_proj_)weight$/.test(name) ? 12 : 3) / fanIn));
}

export function weights(config: ActConfig): Map<string, Weight> {
  return new Map([...parameterShapes(config)].map(([name, shape]) => [name, weight(name, shape)]));
}

/** uint8 (height, width, 3): blocks of 16 px with noise, so that features vary over the image. */
export function image(name: string, height: number, width: number): Uint8Array {
  const coarse = stream(name);
  const fine = stream(`${name}/noise`);
  const pixels = new Uint8Array(height * width * 3);
  let at = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let channel = 0; channel < 3; channel++, at++) {
        const block = ((y >> 4) * 64 + (x >> 4)) * 3 + channel;
        pixels[at] = Math.floor(((coarse(block) >>> 24) * 3) / 4) + (fine(at) >>> 26);
      }
  return pixels;
}

/** Means within +-0.3, deviations within 0.2 to 1. */
export function statistics(name: string, size: number): Statistics {
  // Rounded to float32 on both sides, as the network holds them.
  return { mean: [...uniform(`${name}/mean`, size, 0.3)], std: [...uniform(`${name}/std`, size, 0.4, 0.6)] };
}

/** The batch that the fixtures were made with: raw units, sample s has its last 3 s actions padded. */
export function batch(
  config: ActConfig,
  size: number,
  tag = 'input',
): ActBatch & { readonly noise: Float32Array } {
  const { chunkSize, actionSize, stateSize, environmentStateSize, latentSize, cameras } = config;
  const isPad = new Uint8Array(size * chunkSize);
  for (let sample = 1; sample < size; sample++)
    isPad.fill(
      1,
      Math.max(sample * chunkSize, (sample + 1) * chunkSize - 3 * sample),
      (sample + 1) * chunkSize,
    );
  return {
    qpos: uniform(`${tag}/qpos`, size * stateSize),
    images: cameras.map(({ height, width }, camera) => {
      const pixels = new Uint8Array(size * height * width * 3);
      for (let sample = 0; sample < size; sample++)
        pixels.set(image(`${tag}/image_${camera}/${sample}`, height, width), sample * height * width * 3);
      return pixels;
    }),
    ...(environmentStateSize > 0 && {
      environmentState: uniform(`${tag}/environment_state`, size * environmentStateSize),
    }),
    actions: uniform(`${tag}/actions`, size * chunkSize * actionSize),
    isPad,
    noise: uniform(`${tag}/noise`, size * latentSize, 2),
  };
}

/** A fixture's configuration with the generated statistics put in. */
export function withStatistics(config: Omit<ActConfig, 'normalisation'>): ActConfig {
  const { stateSize, actionSize, environmentStateSize } = config;
  return {
    ...config,
    normalisation: {
      qpos: statistics('qpos', stateSize),
      action: statistics('action', actionSize),
      ...(environmentStateSize > 0 && { environmentState: statistics('environment', environmentStateSize) }),
    },
  };
}
