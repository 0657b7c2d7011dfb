/**
 * Convolution over images, shape (batch, channels, height, width), with gradients.
 *
 * onnxruntime has no gradient kernels in its inference builds, so gradients are put together from fast forward
 * kernels. Which form is fastest depends on the layer; the rules below were measured on two cores with AVX512.
 */
import { GraphError, imageShape, sizeOf } from './graph.js';
import type { Shape, Tensor } from './graph.js';
import { gemm, reshape, slice, sum, transpose } from './operators.js';
import { batchLast, fromPixelRows, padEdges, pixelRows, unfold, unfoldPatches } from './unfold.js';
import type { Windows } from './unfold.js';

export interface ConvolutionOptions {
  readonly stride: number;
  /** Zeros on every side. */
  readonly padding: number;
  /** How the product is computed; chosen by the layer's size when not given. */
  readonly form?: 'direct' | 'unfold';
  /** The same for the weight's gradient of the direct form. */
  readonly weightGradient?: 'unfold' | 'swap';
}

/**
 * Up to so many pixels of output per image, one matrix product for the whole batch is faster than onnxruntime's
 * convolution, which works image by image. (One image, as in serving, is always left to it.)
 */
const SMALL_IMAGE = 128;

/** Below so many input channels (images) a matrix product per position in the kernel is too thin. */
const FEW_CHANNELS = 4;

/** Unfolding repeats each pixel k * k times: large images are unfolded in pieces of this size [bytes]. */
const PIECE_BYTES = 64e6;

/** Weight (out, in, k, k) as in PyTorch; bias (out,). */
export function convolution(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  options: ConvolutionOptions,
): Tensor {
  const windows = windowsOf(x, weight, options);
  const { padding } = windows;
  const batch = x.shape[0]!;
  const out = weight.shape[0]!;
  const form = options.form ?? bestForm(batch, windows);
  const shape = [batch, out, windows.height, windows.width];
  const read = bias ? [x, weight, bias] : [x, weight];
  const inputRule = (d: Tensor) => inputGradient(d, x, weight, windows, options.form);
  const biasRule = (d: Tensor) => sum(d, [0, 2, 3]);

  if (form === 'direct') {
    const weightRule = (d: Tensor) => weightGradient(d, x, weight, windows, options.weightGradient);
    const gradients = [inputRule, weightRule, biasRule];
    return x.graph.node('Conv', read, shape, { attributes: windowAttributes(windows), gradients });
  }
  return x.graph.composite(read, () => {
    const columns = unfold(padEdges(batchLast(x), padding), windows);
    const weightRule = (d: Tensor) =>
      reshape(gemm(pixelRows(batchLast(d)), columns, undefined, false, true), weight.shape);
    const output = unfoldedProduct(columns, weight, bias, shape);
    return { output, gradients: [inputRule, weightRule, biasRule] };
  });
}

/** Where the windows of a convolution of `x` lie. */
export function windowsOf(
  x: Tensor,
  weight: Tensor,
  { stride, padding }: Pick<ConvolutionOptions, 'stride' | 'padding'>,
): Windows {
  const [, channels, height, width] = imageShape(x);
  const [, inputs, kernel] = imageShape(weight);
  if (inputs !== channels)
    throw new GraphError(`convolution of ${channels} channels by a weight for ${inputs}`);
  const size = (length: number) => Math.floor((length + 2 * padding - kernel) / stride) + 1;
  return { kernel, stride, padding, height: size(height), width: size(width) };
}

function bestForm(batch: number, { kernel, height, width }: Windows): 'direct' | 'unfold' {
  return batch > 1 && kernel > 1 && height * width <= SMALL_IMAGE ? 'unfold' : 'direct';
}

/** The attributes of onnxruntime's kernels. */
export function windowAttributes({ kernel, stride, padding }: Windows): Record<string, readonly number[]> {
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

/** The gradient of the input, shape `shape`: ConvTranspose, made for strides. */
export function spread(d: Tensor, weight: Tensor, windows: Windows, shape: Shape): Tensor {
  const { kernel, stride, padding } = windows;
  const covered = (length: number) => (length - 1) * stride + kernel - 2 * padding;
  return d.graph.node('ConvTranspose', [d, weight], shape, {
    attributes: {
      ...windowAttributes(windows),
      output_padding: [shape[2]! - covered(windows.height), shape[3]! - covered(windows.width)],
    },
  });
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
  if (stride > 1) return spread(d, weight, windows, x.shape);
  // A convolution with the kernel turned by 180 degrees and channels swapped: faster than ConvTranspose.
  const swapped = transpose(weight, [1, 0, 2, 3]);
  const back = { kernel, stride, padding: kernel - 1 - padding, height, width };
  if ((form ?? bestForm(batch, back)) === 'unfold') {
    const columns = unfold(padEdges(batchLast(d), back.padding), back, { reversed: true });
    return unfoldedProduct(columns, swapped, undefined, x.shape);
  }
  const backwards = [
    [-1, -1],
    [-kernel - 1, -kernel - 1],
    [2, 3],
    [-1, -1],
  ].map((list) => graph.integers(list));
  const turned = graph.node('Slice', [swapped, ...backwards], [channels, weight.shape[0]!, kernel, kernel]);
  return graph.node('Conv', [d, turned], x.shape, { attributes: windowAttributes(back) });
}

/** Given by `convolution`'s options, or chosen by size. */
export function weightGradient(
  d: Tensor,
  x: Tensor,
  weight: Tensor,
  windows: Windows,
  given?: ConvolutionOptions['weightGradient'],
): Tensor {
  const { kernel, stride, padding, height, width } = windows;
  const [out, channels] = imageShape(weight);
  const [, , ...size] = imageShape(x);
  const patches =
    kernel === stride && padding === 0 && size[0] === height * kernel && size[1] === width * kernel;
  const form = given ?? (channels < FEW_CHANNELS && !patches ? 'swap' : 'unfold');
  if (form === 'swap') return bySwapping(d, x, windows);
  if (!patches) return byUnfolding(d, x, weight, windows);
  const rows = reshape(transpose(d, [1, 0, 2, 3]), [out, sizeOf(d.shape) / out]);
  return reshape(gemm(rows, unfoldPatches(x, windows), undefined, false, true), weight.shape);
}

/** Sum of the products of the output's gradient with the unfolded image, piece by piece. */
function byUnfolding(d: Tensor, x: Tensor, weight: Tensor, windows: Windows): Tensor {
  const { padding, height, width } = windows;
  const image = padEdges(batchLast(x), padding);
  const gradient = batchLast(d);
  const batch = x.shape[0]!;
  const columns = sizeOf(weight.shape) / weight.shape[0]!;
  const rows = Math.max(1, Math.floor(PIECE_BYTES / (4 * columns * width * batch)));
  let product: Tensor | undefined;
  for (let first = 0; first < height; first += rows) {
    const end = Math.min(first + rows, height);
    const piece = unfold(image, windows, { rows: [first, end] });
    product = gemm(pixelRows(slice(gradient, 1, first, end)), piece, product, false, true);
  }
  return reshape(product!, weight.shape);
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
