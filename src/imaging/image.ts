/** A picture in memory, and the few ways of cutting and scaling it. */
import type { RegionOfInterest } from '../contract/camera.js';

export interface Image {
  readonly width: number;
  readonly height: number;
  /** height x width x 3, RGB, row-major. */
  readonly rgb: Uint8Array;
}

/** Red, green, blue, 0..255. */
export type Colour = readonly [number, number, number];

/** A picture of one colour. */
export function blankImage(width: number, height: number, colour: Colour = [0, 0, 0]): Image {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < rgb.length; i++) rgb[i] = colour[i % 3] ?? 0;
  return { width, height, rgb };
}

/** A copy of a part of the picture. Throws RangeError when the region leaves the picture. */
export function crop(image: Image, region: RegionOfInterest): Image {
  const { x, y, width, height } = region;
  if (x < 0 || y < 0 || width < 1 || height < 1 || x + width > image.width || y + height > image.height) {
    throw new RangeError(
      `region ${width} x ${height} at (${x}, ${y}) leaves the picture of ${image.width} x ${image.height}`,
    );
  }
  const rgb = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    const from = 3 * ((y + row) * image.width + x);
    rgb.set(image.rgb.subarray(from, from + 3 * width), 3 * row * width);
  }
  return { width, height, rgb };
}

/** Copies `image` into `target` with its top left corner at (left, top); what does not fit is cut off. */
export function paste(target: Image, image: Image, left: number, top: number): void {
  const columns = Math.min(image.width, target.width - left);
  const rows = Math.min(image.height, target.height - top);
  for (let row = 0; row < rows; row++) {
    const from = 3 * row * image.width;
    target.rgb.set(image.rgb.subarray(from, from + 3 * columns), 3 * ((top + row) * target.width + left));
  }
}

/**
 * Scales by area: every new pixel is the mean of the old area it covers, fractions included. Right for shrinking;
 * when enlarging, pixels become squares.
 */
export function resize(image: Image, width: number, height: number): Image {
  if (width === image.width && height === image.height) return { ...image, rgb: image.rgb.slice() };
  const columns = spans(image.width, width);
  const rows = spans(image.height, height);
  const rgb = new Uint8Array(width * height * 3);
  const line = new Float64Array(image.width * 3);
  for (let y = 0; y < height; y++) {
    line.fill(0);
    for (const [row, weight] of rows[y] ?? []) {
      const from = 3 * row * image.width;
      for (let i = 0; i < line.length; i++) line[i] = (line[i] ?? 0) + weight * (image.rgb[from + i] ?? 0);
    }
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (const [column, weight] of columns[x] ?? []) sum += weight * (line[3 * column + channel] ?? 0);
        rgb[3 * (y * width + x) + channel] = Math.round(sum);
      }
    }
  }
  return { width, height, rgb };
}

/** For each new pixel of a row: which old pixels it covers, and with what weight (summing to 1). */
function spans(from: number, to: number): [index: number, weight: number][][] {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const start = i * scale;
    const end = start + scale;
    const covered: [number, number][] = [];
    for (let index = Math.floor(start); index < Math.min(from, Math.ceil(end - 1e-9)); index++) {
      covered.push([index, (Math.min(end, index + 1) - Math.max(start, index)) / scale]);
    }
    return covered;
  });
}
