/** Small changes of an image that must not change the action: a shift, brightness, contrast. */
import type { RandomStream } from '../episodes/randomStream.js';
import type { TrainingConfig } from './trainingConfig.js';

export interface Augmentation {
  /** Content moves right and down by these [px]; edge pixels are repeated. */
  readonly right: number;
  readonly down: number;
  /** Added to every channel, 1 is full white. */
  readonly brightness: number;
  /** Stretches around mid-grey, 1 leaves it. */
  readonly contrast: number;
}

export function drawAugmentation(limits: TrainingConfig['augmentation'], random: RandomStream): Augmentation {
  const symmetric = (limit: number) => (2 * random.uniform() - 1) * limit;
  const pixels = () => random.below(2 * limits.shift + 1) - limits.shift;
  return {
    right: pixels(),
    down: pixels(),
    brightness: symmetric(limits.brightness),
    contrast: 1 + symmetric(limits.contrast),
  };
}

/** Changes `rgb` (height x width x 3) in place. */
export function augmentImage(
  rgb: Uint8Array,
  size: { readonly width: number; readonly height: number },
  { right, down, brightness, contrast }: Augmentation,
): void {
  if (right !== 0 || down !== 0) shift(rgb, size.width, size.height, right, down);
  if (brightness === 0 && contrast === 1) return;
  const levels = Uint8ClampedArray.from(
    { length: 256 },
    (_, v) => (v - 127.5) * contrast + 127.5 + 255 * brightness,
  );
  for (let i = 0; i < rgb.length; i++) rgb[i] = levels[rgb[i]!]!;
}

function shift(rgb: Uint8Array, width: number, height: number, right: number, down: number): void {
  const before = rgb.slice();
  const within = (value: number, count: number) => Math.min(count - 1, Math.max(0, value));
  for (let y = 0; y < height; y++) {
    const from = within(y - down, height) * width;
    for (let x = 0; x < width; x++) {
      const source = 3 * (from + within(x - right, width));
      const target = 3 * (y * width + x);
      rgb[target] = before[source]!;
      rgb[target + 1] = before[source + 1]!;
      rgb[target + 2] = before[source + 2]!;
    }
  }
}
