/**
 * Convolution over images, shape (batch, channels, height, width), with gradients.
 *
 * onnxruntime has no gradient kernels in its inference builds, so gradients are put together from fast forward
 * kernels. Which form is fastest depends on the layer; the rules below were measured on two cores with AVX512.
 */
import { GraphError, imageShape, sizeOf } from './graph.js';
import type { Shape, Tensor } from './graph.js';
import { concat, gemm, matmul, pad, reshape, slice, sum, transpose } from './operators.js';
import { flatTaps, fromPixelRows, pixelRows, unfold, unfoldPatches } from './unfold.js';
import type { Windows } from './unfold.js';

export interface ConvolutionOptions {
  readonly stride: number;
  /** Zeros on every side. */
  readonly padding: number;
  /** How the product is computed; chosen by the layer's size when not given. */
  readonly form?: 'direct' | 'unfold';
  /** The same for the weight's gradient of the direct form. */
  readonly weightGradient?: 'unfold' | 'taps' | 'swap';
}

/**
 * Up to so many pixels of output per image, one matrix product for the whole batch is faster than onnxruntime's
 * convolution, which works image by image. (One image, as in serving, is always left to it.)
 */
const SMALL_IMAGE = 128;

/** Below so many input channels (images) a matrix product per position in the kernel is too thin. */
const FEW_CHANNELS = 4;

/** Unfolding repeats each pixel k * k times; beyond this many bytes it costs more than it saves. */
const LARGE_BYTES = 128e6;

/** Weight (out, in, k, k) as in PyTorch; bias (out,). */
export function convolution(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  options: ConvolutionOptions,
): Tensor {
  const [batch, channels, height, width] = imageShape(x);
  const [out, inputs, kernel] = imageShape(weight);
  if (inputs !== channels)
    throw new GraphError(`convolution of ${channels} channels by a weight for ${inputs}`);
  const { stride, padding } = options;
  const size = (length: number) => Math.floor((length + 2 * padding - kernel) / stride) + 1;
  const windows = { kernel, stride, padding, height: size(height), width: size(width) };
  const form = options.form ?? bestForm(batch, windows);
  const shape = [batch, out, windows.height, windows.width];
  const read = bias ? [x, weight, bias] : [x, weight];
  const inputRule = (d: Tensor) => inputGradient(d, x, weight, windows, options.form);
  const biasRule = (d: Tensor) => sum(d, [0, 2, 3]);

  if (form === 'direct') {
    const weightRule = (d: Tensor) => weightGradient(d, x, weight, windows, options.weightGradient);
    const gradients = [inputRule, weightRule, biasRule];
    return x.graph.node('Conv', read, shape, { attributes: attributes(windows), gradients });
  }
  return x.graph.composite(read, () => {
    const columns = unfold(x, windows);
    const weightRule = (d: Tensor) =>
      reshape(gemm(pixelRows(d), columns, undefined, false, true), weight.shape);
    const output = unfoldedProduct(columns, weight, bias, shape);
    return { output, gradients: [inputRule, weightRule, biasRule] };
  });
}

function bestForm(batch: number, { kernel, height, width }: Windows): 'direct' | 'unfold' {
  return batch > 1 && kernel > 1 && height * width <= SMALL_IMAGE ? 'unfold' : 'direct';
}

function attributes({ kernel, stride, padding }: Windows): Record<string, readonly number[]> {
  return {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [padding, padding, padding, padding],
  };
}

/** The image of `shape` whose windows are `columns`, convolved. */
function unfoldedProduct(columns: Tensor, weight: Tensor, bias: Tensor | undefined, shape: Shape): Tensor {
  const out = weight.shape[0]!;
  const matrix = reshape(weight, [out, sizeOf(weight.shape) / out]);
  return fromPixelRows(gemm(matrix, columns, bias && reshape(bias, [out, 1]), false, false), shape);
}

function inputGradient(
  d: Tensor,
  x: Tensor,
  weight: Tensor,
  windows: Windows,
  form: ConvolutionOptions['form'],
): Tensor {
  const { graph } = x;
  const { kernel, stride, padding } = windows;
  const [batch, channels, height, width] = imageShape(x);
  if (stride > 1) {
    const covered = (length: number) => (length - 1) * stride + kernel - 2 * padding;
    return graph.node('ConvTranspose', [d, weight], x.shape, {
      attributes: {
        ...attributes(windows),
        output_padding: [height - covered(windows.height), width - covered(windows.width)],
      },
    });
  }
  // A convolution with the kernel turned by 180 degrees and channels swapped: faster than ConvTranspose.
  const swapped = transpose(weight, [1, 0, 2, 3]);
  const back = { kernel, stride, padding: kernel - 1 - padding, height, width };
  if ((form ?? bestForm(batch, back)) === 'unfold')
    return unfoldedProduct(unfold(d, back, true), swapped, undefined, x.shape);
  const backwards = [
    [-1, -1],
    [-kernel - 1, -kernel - 1],
    [2, 3],
    [-1, -1],
  ].map((list) => graph.integers(list));
  const turned = graph.node('Slice', [swapped, ...backwards], [channels, weight.shape[0]!, kernel, kernel]);
  return graph.node('Conv', [d, turned], x.shape, { attributes: attributes(back) });
}

function weightGradient(
  d: Tensor,
  x: Tensor,
  weight: Tensor,
  windows: Windows,
  given: ConvolutionOptions['weightGradient'],
): Tensor {
  const { kernel, stride, padding, height, width } = windows;
  const [out, channels] = imageShape(weight);
  const pixels = sizeOf(d.shape) / out;
  const [, , ...size] = imageShape(x);
  const patches =
    kernel === stride && padding === 0 && size[0] === height * kernel && size[1] === width * kernel;
  const large = 4 * channels * kernel * kernel * pixels > LARGE_BYTES;
  const form =
    given ?? (channels < FEW_CHANNELS && !patches ? 'swap' : large && !patches ? 'taps' : 'unfold');
  if (form === 'swap') return bySwapping(d, x, windows);
  if (form === 'taps') return byTaps(d, x, weight, windows);
  if (!patches) return reshape(gemm(pixelRows(d), unfold(x, windows), undefined, false, true), weight.shape);
  const rows = reshape(transpose(d, [1, 0, 2, 3]), [out, pixels]);
  return reshape(gemm(rows, unfoldPatches(x, windows), undefined, false, true), weight.shape);
}

/** Batch and channels change roles: a convolution of the image by the output's gradient, dilated by the stride. */
function bySwapping(d: Tensor, x: Tensor, { kernel, stride, padding, height, width }: Windows): Tensor {
  const images = [x, d].map((image) => transpose(image, [1, 0, 2, 3]));
  const [, channels, ...size] = imageShape(x);
  const length = (axis: 0 | 1, windows: number) => size[axis] + 2 * padding - stride * (windows - 1);
  const shape = [channels, d.shape[1]!, length(0, height), length(1, width)];
  const gradient = x.graph.node('Conv', images, shape, {
    attributes: {
      kernel_shape: [height, width],
      dilations: [stride, stride],
      pads: [padding, padding, padding, padding],
    },
  });
  return transpose(slice(slice(gradient, 2, 0, kernel), 3, 0, kernel), [1, 0, 2, 3]);
}

/** A batched product per position in the kernel: nothing is repeated in memory. */
function byTaps(d: Tensor, x: Tensor, weight: Tensor, windows: Windows): Tensor {
  const [batch, out, height, width] = imageShape(d);
  const { taps, rowLength } = flatTaps(x, windows);
  const padded = pad(d, [0, 0, 0, 0], [0, 0, 0, rowLength - width]);
  const rows = reshape(padded, [batch, out, height * rowLength]);
  const products = taps.map((tap) => {
    const perImage = matmul(rows, tap, { transposeB: true });
    return reshape(sum(perImage, [0]), [out, weight.shape[1]!, 1]);
  });
  return reshape(concat(products, 2), weight.shape);
}
