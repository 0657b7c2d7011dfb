/**
 * Convolution in the layout of onnxruntime's fastest kernels: channels in blocks of 16 (8 without AVX512), shape
 * (batch, channels / block, height, width, block) in memory. Tensors keep (batch, channels, height, width) as their
 * shape; operators that go element by element do not see the difference.
 *
 * onnxruntime changes the layout by itself only where weights are constants. In training they are not, so this file
 * names its internal operators (domain com.microsoft.nchwc) and lays out the weights as they expect them.
 */
import { spread, weightGradient, windowAttributes, windowsOf } from './convolution.js';
import type { ConvolutionOptions } from './convolution.js';
import { imageShape } from './graph.js';
import type { GradientRule, Tensor } from './graph.js';
import { multiply, reshape, sum, transpose } from './operators.js';
import { step } from './step.js';

const domain = 'com.microsoft.nchwc';

/** Below so many pixels of output per image most windows lie on an edge, where the blocked kernels are slow. */
const SMALL_IMAGE = 64;

/** Whether the blocked kernels exist here and are the faster ones for such a convolution. */
export function prefersBlocks(x: Tensor, out: number, stride: number): boolean {
  const { channelBlock } = x.graph;
  const [, channels, height, width] = imageShape(x);
  const fits = channelBlock > 0 && channels % channelBlock === 0 && out % channelBlock === 0;
  return fits && (height * width) / stride ** 2 >= SMALL_IMAGE;
}

/** To blocks. */
export function block(x: Tensor): Tensor {
  return x.graph.cached(`block ${x.name}`, () => {
    const blocked = reorder('ReorderInput', x, {}, [unblock]);
    x.graph.cached(`unblock ${blocked.name}`, () => x);
    return blocked;
  });
}

/** Back to rows of pixels. */
export function unblock(x: Tensor): Tensor {
  return x.graph.cached(`unblock ${x.name}`, () => {
    const plain = reorder('ReorderOutput', x, { channels: x.shape[1]! }, [block]);
    x.graph.cached(`block ${plain.name}`, () => x);
    return plain;
  });
}

function reorder(
  operator: string,
  x: Tensor,
  settings: Record<string, number>,
  gradients: GradientRule[],
): Tensor {
  return x.graph.node(operator, [x], x.shape, { domain, attributes: settings, gradients });
}

export interface BlockedOptions extends Pick<ConvolutionOptions, 'stride' | 'padding'> {
  /** Added to the output, blocked. */
  readonly plus?: Tensor;
  /** Applies max(x, 0) at the end. */
  readonly relu?: boolean;
}

/** As `convolution`, from blocks to blocks. `weight` (out, in, k, k) and `bias` (out,) are as there. */
export function blockedConvolution(x: Tensor, weight: Tensor, bias: Tensor, options: BlockedOptions): Tensor {
  const { plus } = options;
  const windows = windowsOf(x, weight, options);
  const [batch, , height, width] = imageShape(x);
  const [out, channels, kernel] = imageShape(weight);
  const beforeRelu = (d: Tensor) =>
    options.relu ? x.graph.cached(`${d.name} before ${output.name}`, () => multiply(d, step(output))) : d;
  const output: Tensor = x.graph.node(
    'Conv',
    [x, filter(weight), bias, ...(plus ? [plus] : [])],
    [batch, out, windows.height, windows.width],
    {
      domain,
      attributes: { ...windowAttributes(windows), ...(options.relu && { activation: 'Relu' }) },
    },
  );
  return x.graph.composite([x, weight, bias, ...(plus ? [plus] : [])], () => ({
    output,
    gradients: [
      (given) => {
        const d = beforeRelu(given);
        if (windows.stride > 1) return block(spread(unblock(d), weight, windows, x.shape));
        const back = { kernel, stride: 1, padding: kernel - 1 - windows.padding, height, width };
        const inputs = [d, turnedFilter(weight)];
        return x.graph.node('Conv', inputs, [batch, channels, height, width], {
          domain,
          attributes: windowAttributes(back),
        });
      },
      (d) => weightGradient(unblock(beforeRelu(d)), unblock(x), weight, windows),
      (d) => sum(unblock(beforeRelu(d)), [0, 2, 3]),
      beforeRelu,
    ],
  }));
}

/** The weight as the kernels read it: (out / b, in / b, k, k, b of in, b of out). */
function filter(weight: Tensor): Tensor {
  const [out, inputs, kernel] = imageShape(weight);
  const b = weight.graph.channelBlock;
  const outBlocked = reorder('ReorderInput', reshape(weight, [1, out, inputs, kernel ** 2]), {}, []);
  const split = reshape(outBlocked, [out / b, inputs / b, b, kernel ** 2, b]);
  return reshape(transpose(split, [0, 1, 3, 2, 4]), weight.shape);
}

/** The same with the kernel turned by 180 degrees and inputs and outputs swapped. */
function turnedFilter(weight: Tensor): Tensor {
  const { graph } = weight;
  const [out, inputs, kernel] = imageShape(weight);
  const b = graph.channelBlock;
  const inBlocked = reorder('ReorderInput', weight, {}, []);
  const split = reshape(inBlocked, [out / b, b, inputs / b, kernel ** 2, b]);
  const swapped = transpose(split, [2, 0, 3, 1, 4]);
  const backwards = graph.integers(Array.from({ length: kernel ** 2 }, (_, i) => kernel ** 2 - 1 - i));
  const turned = graph.node('Gather', [swapped, backwards], swapped.shape, { attributes: { axis: 2 } });
  return reshape(turned, [inputs, out, kernel, kernel]);
}
