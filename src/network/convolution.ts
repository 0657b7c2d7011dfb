/**
 * Convolution and max pooling over images, shape (batch, channels, height, width), with gradients.
 *
 * onnxruntime has no gradient kernels for inference builds, so each is put together from fast forward kernels;
 * which form is fastest was measured (test/bench/training.js prints the choices again).
 */
import { GraphError, imageShape, sizeOf } from './graph.js';
import type { Tensor } from './graph.js';
import { gemm, pad, reshape, sum, transpose } from './operators.js';

export interface ConvolutionOptions {
  readonly stride: number;
  /** Zeros on every side. */
  readonly padding: number;
}

/** Weight (out, in, k, k) as in PyTorch; bias (out,). */
export function convolution(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  options: ConvolutionOptions,
): Tensor {
  const { stride, padding } = options;
  const [batch, channels, height, width] = imageShape(x);
  const [out, inputs, kernel] = imageShape(weight);
  if (inputs !== channels)
    throw new GraphError(`convolution of ${channels} channels by a weight for ${inputs}`);
  const outHeight = Math.floor((height + 2 * padding - kernel) / stride) + 1;
  const outWidth = Math.floor((width + 2 * padding - kernel) / stride) + 1;
  return x.graph.node('Conv', bias ? [x, weight, bias] : [x, weight], [batch, out, outHeight, outWidth], {
    attributes: {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
    },
    gradients: [
      (d) => inputGradient(d, x, weight, options),
      (d) => weightGradient(d, x, weight, options),
      (d) => sum(d, [0, 2, 3]),
    ],
  });
}

/** A transposed convolution; what the stride left over at the lower right is `output_padding`. */
function inputGradient(
  d: Tensor,
  x: Tensor,
  weight: Tensor,
  { stride, padding }: ConvolutionOptions,
): Tensor {
  const kernel = weight.shape[2]!;
  if (stride === 1) {
    // The same as a convolution with the kernel turned by 180 degrees and channels swapped.
    const turned = x.graph.node(
      'Slice',
      [
        transpose(weight, [1, 0, 2, 3]),
        x.graph.integers([-1, -1]),
        x.graph.integers([-kernel - 1, -kernel - 1]),
        x.graph.integers([2, 3]),
        x.graph.integers([-1, -1]),
      ],
      [weight.shape[1]!, weight.shape[0]!, kernel, kernel],
    );
    return convolution(d, turned, undefined, { stride: 1, padding: kernel - 1 - padding });
  }
  const rest = [2, 3].map((axis) => x.shape[axis]! - ((d.shape[axis]! - 1) * stride + kernel - 2 * padding));
  return x.graph.node('ConvTranspose', [d, weight], x.shape, {
    attributes: {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
      output_padding: rest,
    },
  });
}

/** One matrix product of the output gradient with the unfolded image, channels first so that both are rows. */
function weightGradient(d: Tensor, x: Tensor, weight: Tensor, options: ConvolutionOptions): Tensor {
  const out = weight.shape[0]!;
  const pixels = sizeOf(d.shape) / out;
  const rows = reshape(transpose(d, [1, 0, 2, 3]), [out, pixels]);
  return reshape(gemm(rows, unfold(x, d, weight, options), undefined, false, true), weight.shape);
}

/** The patch under every output pixel, shape (channels * k * k, batch * outHeight * outWidth). */
function unfold(x: Tensor, d: Tensor, weight: Tensor, { stride, padding }: ConvolutionOptions): Tensor {
  const { graph } = x;
  const [batch, channels, height, width] = imageShape(x);
  const [, , outHeight, outWidth] = imageShape(d);
  const kernel = weight.shape[2]!;
  const pixels = batch * outHeight * outWidth;
  if (kernel === stride && padding === 0 && height === outHeight * kernel && width === outWidth * kernel) {
    // Patches do not overlap: unfolding is only a change of layout.
    const split = reshape(x, [batch, channels, outHeight, kernel, outWidth, kernel]);
    return reshape(transpose(split, [1, 3, 5, 0, 2, 4]), [channels * kernel * kernel, pixels]);
  }
  const edges = [0, 0, padding, padding];
  const padded = pad(transpose(x, [1, 0, 2, 3]), edges, edges);
  const taps: Tensor[] = [];
  for (let row = 0; row < kernel; row++)
    for (let column = 0; column < kernel; column++) {
      const end = [row + (outHeight - 1) * stride + 1, column + (outWidth - 1) * stride + 1];
      const bounds = [[row, column], end, [2, 3], [stride, stride]].map((list) => graph.integers(list));
      const tap = graph.node('Slice', [padded, ...bounds], [channels, batch, outHeight, outWidth]);
      taps.push(reshape(tap, [channels, 1, pixels]));
    }
  const shape = [channels, kernel * kernel, pixels];
  const patches =
    taps.length === 1 ? taps[0]! : graph.node('Concat', taps, shape, { attributes: { axis: 1 } });
  return reshape(patches, [channels * kernel * kernel, pixels]);
}

/** Max over k x k windows; padding never wins. */
export function maxPool(x: Tensor, kernel: number, stride: number, padding: number): Tensor {
  const { graph } = x;
  const size = (length: number) => Math.floor((length + 2 * padding - kernel) / stride) + 1;
  const [batch, channels, height, width] = imageShape(x);
  const shape = [batch, channels, size(height), size(width)];
  const [output, indices] = graph.nodeWithOutputs(
    'MaxPool',
    [x],
    [
      { shape, type: 'float32' },
      { shape, type: 'int64' },
    ],
    {
      attributes: {
        kernel_shape: [kernel, kernel],
        strides: [stride, stride],
        pads: [padding, padding, padding, padding],
      },
      gradients: [
        (d) => {
          // Indices count through the whole of x; windows overlap, so gradients add up.
          const zeros = graph.node(
            'Expand',
            [graph.scalar(0), graph.integers([sizeOf(x.shape)])],
            [sizeOf(x.shape)],
          );
          const flat = [sizeOf(shape)];
          const scattered = graph.node(
            'ScatterElements',
            [zeros, reshape(indices!, flat), reshape(d, flat)],
            [sizeOf(x.shape)],
            { attributes: { axis: 0, reduction: 'add' } },
          );
          return reshape(scattered, x.shape);
        },
      ],
    },
  );
  return output;
}
