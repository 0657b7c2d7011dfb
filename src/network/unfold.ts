/**
 * Images as matrices: the layouts by which a convolution becomes a matrix product.
 *
 * Pixels are counted row by row, then column by column, and the batch last, so that gathering a window moves runs of
 * memory as long as the batch.
 */
import { imageShape, sizeOf } from './graph.js';
import type { Shape, Tensor } from './graph.js';
import { pad, reshape, transpose } from './operators.js';

/** Where the windows of a convolution lie. */
export interface Windows {
  readonly kernel: number;
  readonly stride: number;
  /** Zeros on every side. */
  readonly padding: number;
  /** Windows down and across: the size of the output. */
  readonly height: number;
  readonly width: number;
}

/** Axes (batch, channels, height, width) to (channels, height, width, batch). */
export function batchLast(x: Tensor): Tensor {
  return transpose(x, [1, 2, 3, 0]);
}

/** The inverse, from a matrix (channels, height * width * batch) to an image of `shape`. */
export function fromPixelRows(rows: Tensor, [batch, ...rest]: Shape): Tensor {
  return transpose(reshape(rows, [...rest, batch!]), [3, 0, 1, 2]);
}

/** Zeros around an image whose batch is last. */
export function padEdges(image: Tensor, padding: number): Tensor {
  const edges = [0, padding, padding, 0];
  return pad(image, edges, edges);
}

export interface UnfoldOptions {
  /** Lists the positions in a window from the last to the first. */
  readonly reversed?: boolean;
  /** Only the windows of these output rows: first, and one past the last. */
  readonly rows?: readonly [number, number];
}

/**
 * What each window sees, shape (channels * kernel * kernel, rows * width * batch). `image` has its batch last and
 * `padEdges` done.
 */
export function unfold(
  image: Tensor,
  { kernel, stride, height, width }: Windows,
  { reversed = false, rows: [first, end] = [0, height] }: UnfoldOptions = {},
): Tensor {
  const { graph } = image;
  const [channels, imageHeight, rowLength, batch] = imageShape(image);
  const positions = Array.from(
    { length: kernel * kernel },
    (_, i) => [Math.floor(i / kernel), i % kernel] as const,
  );
  if (reversed) positions.reverse();
  const windows = Array.from(
    { length: (end - first) * width },
    (_, i) => [first + Math.floor(i / width), i % width] as const,
  );
  const indices = positions.flatMap(([row, column]) =>
    windows.map(([down, across]) => (down * stride + row) * rowLength + across * stride + column),
  );
  // Gather copies with all threads, where Slice and Concat use one.
  const pixels = reshape(image, [channels, imageHeight * rowLength, batch]);
  const columns = graph.node('Gather', [pixels, graph.integers(indices)], [channels, indices.length, batch], {
    attributes: { axis: 1 },
  });
  return reshape(columns, [channels * kernel * kernel, windows.length * batch]);
}

/**
 * The same for windows that do not overlap, where it is only a change of layout: from an image (batch, channels,
 * height, width). The batch comes first among the pixels here.
 */
export function unfoldPatches(x: Tensor, { kernel, height, width }: Windows): Tensor {
  const [batch, channels] = imageShape(x);
  const split = reshape(x, [batch, channels, height, kernel, width, kernel]);
  const columns = transpose(split, [1, 3, 5, 0, 2, 4]);
  return reshape(columns, [channels * kernel * kernel, batch * height * width]);
}

/** An image (channels, height, width, batch) as a matrix with a row per channel. */
export function pixelRows(image: Tensor): Tensor {
  return reshape(image, [image.shape[0]!, sizeOf(image.shape) / image.shape[0]!]);
}
