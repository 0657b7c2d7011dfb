/**
 * Images as matrices: the layouts by which a convolution becomes one matrix product.
 *
 * Pixels are counted row by row, then column by column, and the batch last, so that copying a window moves long
 * runs of memory.
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

/** Shape (channels, height * width * batch). */
export function pixelRows(x: Tensor): Tensor {
  return reshape(transpose(x, [1, 2, 3, 0]), [x.shape[1]!, sizeOf(x.shape) / x.shape[1]!]);
}

/** The inverse of `pixelRows`: an image of `shape` (batch, channels, height, width). */
export function fromPixelRows(rows: Tensor, [batch, ...rest]: Shape): Tensor {
  return transpose(reshape(rows, [...rest, batch!]), [3, 0, 1, 2]);
}

/**
 * What each window sees, shape (channels * kernel * kernel, height * width * batch). `reversed` lists the positions
 * in a window from the last to the first.
 */
export function unfold(x: Tensor, windows: Windows, reversed = false): Tensor {
  const { kernel, stride, padding, height, width } = windows;
  const { graph } = x;
  const [batch, channels] = imageShape(x);
  const edges = [0, padding, padding, 0];
  const padded = pad(transpose(x, [1, 2, 3, 0]), edges, edges);
  const [, rows, rowLength] = imageShape(padded);
  const positions = Array.from(
    { length: kernel * kernel },
    (_, i) => [Math.floor(i / kernel), i % kernel] as const,
  );
  if (reversed) positions.reverse();
  // One Gather of runs of `batch` numbers: it copies with all threads, where Slice and Concat use one.
  const indices = positions.flatMap(([row, column]) =>
    Array.from({ length: height * width }, (_, i) => {
      const [down, across] = [Math.floor(i / width), i % width];
      return (down * stride + row) * rowLength + across * stride + column;
    }),
  );
  const pixels = reshape(padded, [channels, rows * rowLength, batch]);
  const columns = graph.node('Gather', [pixels, graph.integers(indices)], [channels, indices.length, batch], {
    attributes: { axis: 1 },
  });
  return reshape(columns, [channels * kernel * kernel, height * width * batch]);
}

/** The same for windows that do not overlap, where it is only a change of layout; the batch comes first here. */
export function unfoldPatches(x: Tensor, { kernel, height, width }: Windows): Tensor {
  const [batch, channels] = imageShape(x);
  const split = reshape(x, [batch, channels, height, kernel, width, kernel]);
  const columns = transpose(split, [1, 3, 5, 0, 2, 4]);
  return reshape(columns, [channels * kernel * kernel, batch * height * width]);
}

/**
 * What each position in the window sees, one tensor (batch, channels, height * `rowLength`) per position, without a
 * copy of more than one at a time. Rows are longer than the output's `width`: the rest belongs to no window, and
 * what it is multiplied by must be zero.
 */
export function flatTaps(x: Tensor, windows: Windows): { taps: Tensor[]; rowLength: number } {
  const { kernel, stride, padding, height, width } = windows;
  const { graph } = x;
  const [batch, channels, ...size] = imageShape(x);
  const reach = Math.floor((kernel - 1) / stride);
  const enough = (windowCount: number, length: number) =>
    Math.max(windowCount + reach, Math.ceil((length + padding) / stride));
  // One row more than the windows reach, for the last row's surplus.
  const rows = enough(height + 1, size[0]);
  const rowLength = enough(width, size[1]);
  const after = [stride * rows - size[0] - padding, stride * rowLength - size[1] - padding];
  const padded = pad(x, [0, 0, padding, padding], [0, 0, ...after]);
  const phases = new Map<string, Tensor>();
  const taps = Array.from({ length: kernel * kernel }, (_, i) => {
    const [row, column] = [Math.floor(i / kernel), i % kernel];
    const phase = [row % stride, column % stride];
    // Every stride-th pixel from `phase` on: an image in which this position moves by one from window to window.
    const bounds = [phase, [stride * rows, stride * rowLength], [2, 3], [stride, stride]];
    const make = () =>
      stride === 1
        ? padded
        : graph.node(
            'Slice',
            [padded, ...bounds.map((list) => graph.integers(list))],
            [batch, channels, rows, rowLength],
          );
    const image = phases.get(phase.join()) ?? make();
    phases.set(phase.join(), image);
    const start = Math.floor(row / stride) * rowLength + Math.floor(column / stride);
    const flat = reshape(image, [batch, channels, rows * rowLength]);
    const range = [[start], [start + height * rowLength], [2]].map((list) => graph.integers(list));
    return graph.node('Slice', [flat, ...range], [batch, channels, height * rowLength]);
  });
  return { taps, rowLength };
}
