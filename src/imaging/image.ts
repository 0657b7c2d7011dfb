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
  if (image.width % width === 0 && image.height % height === 0) return shrink(image, width, height);
  const columns = spansOf(image.width, width);
  const rows = spansOf(image.height, height);
  const rgb = new Uint8Array(width * height * 3);
  const line = new Float64Array(image.width * 3);
  for (let y = 0; y < height; y++) {
    line.fill(0);
    for (let span = rows.first[y]!; span < rows.first[y + 1]!; span++) {
      const weight = rows.weight[span]!;
      const from = 3 * rows.index[span]! * image.width;
      for (let i = 0; i < line.length; i++) line[i]! += weight * image.rgb[from + i]!;
    }
    for (let x = 0; x < width; x++) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let span = columns.first[x]!; span < columns.first[x + 1]!; span++) {
        const weight = columns.weight[span]!;
        const from = 3 * columns.index[span]!;
        red += weight * line[from]!;
        green += weight * line[from + 1]!;
        blue += weight * line[from + 2]!;
      }
      const to = 3 * (y * width + x);
      rgb[to] = Math.round(red);
      rgb[to + 1] = Math.round(green);
      rgb[to + 2] = Math.round(blue);
    }
  }
  return { width, height, rgb };
}

/** The same where every new pixel is the mean of a whole number of old ones: three times as fast, as nothing is weighted. */
function shrink(image: Image, width: number, height: number): Image {
  const columns = image.width / width;
  const rows = image.height / height;
  const area = columns * rows;
  const line = 3 * image.width;
  const from = image.rgb;
  const rgb = new Uint8Array(width * height * 3);
  for (let to = 0, y = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      // Halves are rounded up.
      let red = area / 2;
      let green = red;
      let blue = red;
      for (let row = 0; row < rows; row++) {
        const start = (y * rows + row) * line + 3 * x * columns;
        for (let at = start; at < start + 3 * columns; at += 3) {
          red += from[at]!;
          green += from[at + 1]!;
          blue += from[at + 2]!;
        }
      }
      rgb[to] = red / area;
      rgb[to + 1] = green / area;
      rgb[to + 2] = blue / area;
    }
  }
  return { width, height, rgb };
}

/** Which old pixels each new pixel of a row covers, and with what weight (summing to 1), one span behind the other. */
interface Spans {
  /** Where the spans of a new pixel begin. Shape (to + 1,). */
  readonly first: Int32Array;
  readonly index: Int32Array;
  readonly weight: Float64Array;
}

function spansOf(from: number, to: number): Spans {
  const scale = from / to;
  const first = new Int32Array(to + 1);
  const index: number[] = [];
  const weight: number[] = [];
  for (let i = 0; i < to; i++) {
    const start = i * scale;
    const end = start + scale;
    for (let old = Math.floor(start); old < Math.min(from, Math.ceil(end - 1e-9)); old++) {
      index.push(old);
      weight.push((Math.min(end, old + 1) - Math.max(start, old)) / scale);
    }
    first[i + 1] = index.length;
  }
  return { first, index: Int32Array.from(index), weight: Float64Array.from(weight) };
}
