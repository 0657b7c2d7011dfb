/**
 * Convolution over images, shape (batch, channels, height, width), with gradients.
 *
 * onnxruntime has no gradient kernels in its inference builds, so gradients are put together from fast forward
 * kernels. Which form is fastest depends on the layer; the rules below were measured on two cores with AVX512.
 */
import { GraphError, imageShape, sizeOf } from './graph.js';
import type { Tensor } from './graph.js';
import { concat, gemm, matmul, pad, reshape, slice, sum, transpose } from './operators.js';

export interface ConvolutionOptions {
  readonly stride: number;
  /** Zeros on every side. */
  readonly padding: number;
  /** How the weight's gradient is computed; chosen by the layer's size when not given. */
  readonly weightGradient?: 'unfold' | 'taps' | 'swap';
}

/** Below so many input channels (images) a matrix product per tap is too thin. */
const FEW_CHANNELS = 4;

/** Unfolding repeats each pixel k * k times; beyond this many bytes it costs more than it saves. */
const LARGE_BYTES = 64e6;

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
  const size = (length: number) => Math.floor((length + 2 * padding - kernel) / stride) + 1;
  return x.graph.node(
    'Conv',
    bias ? [x, weight, bias] : [x, weight],
    [batch, out, size(height), size(width)],
    {
      attributes: attributes(kernel, stride, padding),
      gradients: [
        (d) => inputGradient(d, x, weight, options),
        (d) => weightGradient(d, x, weight, options),
        (d) => sum(d, [0, 2, 3]),
      ],
    },
  );
}

function attributes(kernel: number, stride: number, padding: number): Record<string, readonly number[]> {
  return {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [padding, padding, padding, padding],
  };
}

function inputGradient(
  d: Tensor,
  x: Tensor,
  weight: Tensor,
  { stride, padding }: ConvolutionOptions,
): Tensor {
  const { graph } = x;
  const [out, channels, kernel] = imageShape(weight);
  if (stride > 1) {
    const [, , height, width] = imageShape(x);
    const [, , outHeight, outWidth] = imageShape(d);
    const covered = (length: number) => (length - 1) * stride + kernel - 2 * padding;
    return graph.node('ConvTranspose', [d, weight], x.shape, {
      attributes: {
        ...attributes(kernel, stride, padding),
        output_padding: [height - covered(outHeight), width - covered(outWidth)],
      },
    });
  }
  // A convolution with the kernel turned by 180 degrees and channels swapped: faster than ConvTranspose.
  const backwards = [
    [-1, -1],
    [-kernel - 1, -kernel - 1],
    [2, 3],
    [-1, -1],
  ].map((list) => graph.integers(list));
  const swapped = transpose(weight, [1, 0, 2, 3]);
  const turned = graph.node('Slice', [swapped, ...backwards], [channels, out, kernel, kernel]);
  return convolution(d, turned, undefined, { stride: 1, padding: kernel - 1 - padding });
}

function weightGradient(d: Tensor, x: Tensor, weight: Tensor, options: ConvolutionOptions): Tensor {
  const [out, channels, kernel] = imageShape(weight);
  const columns = channels * kernel * kernel;
  const pixels = sizeOf(d.shape) / out;
  const patches = kernel === options.stride && options.padding === 0;
  const few = channels < FEW_CHANNELS && !patches;
  const form =
    options.weightGradient ?? (few ? 'swap' : 4 * columns * pixels > LARGE_BYTES ? 'taps' : 'unfold');
  if (form === 'swap') return bySwapping(d, x, weight, options);
  if (form === 'taps') return byTaps(d, x, weight, options);
  // One product of the output's gradient with the unfolded image, channels first so that both are rows.
  const rows = reshape(transpose(d, [1, 0, 2, 3]), [out, pixels]);
  return reshape(gemm(rows, unfold(d, x, weight, options), undefined, false, true), weight.shape);
}

/** Batch and channels change roles: a convolution of the image by the output's gradient, dilated by the stride. */
function bySwapping(d: Tensor, x: Tensor, weight: Tensor, { stride, padding }: ConvolutionOptions): Tensor {
  const [, channels, height, width] = imageShape(x);
  const [, out, outHeight, outWidth] = imageShape(d);
  const kernel = weight.shape[2]!;
  const images = [x, d].map((image) => transpose(image, [1, 0, 2, 3]));
  const size = (length: number, outLength: number) => length + 2 * padding - stride * (outLength - 1);
  const shape = [channels, out, size(height, outHeight), size(width, outWidth)];
  const gradient = x.graph.node('Conv', images, shape, {
    attributes: {
      kernel_shape: [outHeight, outWidth],
      dilations: [stride, stride],
      pads: [padding, padding, padding, padding],
    },
  });
  return transpose(slice(slice(gradient, 2, 0, kernel), 3, 0, kernel), [1, 0, 2, 3]);
}

/** A batched product per position in the kernel: nothing is repeated in memory. */
function byTaps(d: Tensor, x: Tensor, weight: Tensor, options: ConvolutionOptions): Tensor {
  const [batch, out, outHeight, outWidth] = imageShape(d);
  const channels = weight.shape[1]!;
  const pixels = outHeight * outWidth;
  const rows = reshape(d, [batch, out, pixels]);
  const taps = tapsOf(d, x, weight, options).map((tap) => {
    const products = matmul(rows, reshape(tap, [batch, channels, pixels]), { transposeB: true });
    return reshape(sum(products, [0]), [out, channels, 1]);
  });
  return reshape(concat(taps, 2), weight.shape);
}

/** The patch under every output pixel, shape (channels * k * k, batch * outHeight * outWidth). */
function unfold(d: Tensor, x: Tensor, weight: Tensor, options: ConvolutionOptions): Tensor {
  const [batch, channels, height, width] = imageShape(x);
  const [, , outHeight, outWidth] = imageShape(d);
  const kernel = weight.shape[2]!;
  const pixels = batch * outHeight * outWidth;
  const shape = [channels * kernel * kernel, pixels];
  const exact = height === outHeight * kernel && width === outWidth * kernel;
  if (kernel === options.stride && options.padding === 0 && exact) {
    // Patches do not overlap: unfolding is only a change of layout.
    const split = reshape(x, [batch, channels, outHeight, kernel, outWidth, kernel]);
    return reshape(transpose(split, [1, 3, 5, 0, 2, 4]), shape);
  }
  const taps = tapsOf(d, transpose(x, [1, 0, 2, 3]), weight, options);
  return reshape(
    concat(
      taps.map((tap) => reshape(tap, [channels, 1, pixels])),
      1,
    ),
    shape,
  );
}

/** What each position of the kernel sees: k * k images of the output's size. */
function tapsOf(d: Tensor, x: Tensor, weight: Tensor, { stride, padding }: ConvolutionOptions): Tensor[] {
  const { graph } = x;
  const [first, second] = imageShape(x);
  const [, , outHeight, outWidth] = imageShape(d);
  const kernel = weight.shape[2]!;
  const edges = [0, 0, padding, padding];
  const padded = pad(x, edges, edges);
  return Array.from({ length: kernel * kernel }, (_, i) => {
    const start = [Math.floor(i / kernel), i % kernel] as const;
    const end = [start[0] + (outHeight - 1) * stride + 1, start[1] + (outWidth - 1) * stride + 1];
    const bounds = [start, end, [2, 3], [stride, stride]].map((list) => graph.integers(list));
    return graph.node('Slice', [padded, ...bounds], [first, second, outHeight, outWidth]);
  });
}
