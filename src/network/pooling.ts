/** Max pooling over images, with its gradient. */
import { imageShape, sizeOf } from './graph.js';
import type { Tensor } from './graph.js';
import { reshape, scale, slice } from './operators.js';

/** Max over k x k windows of x, shape (batch, channels, height, width); padding never wins. */
export function maxPool(x: Tensor, kernel: number, stride: number, padding: number): Tensor {
  const { graph } = x;
  const [batch, channels, height, width] = imageShape(x);
  const size = (length: number) => Math.floor((length + 2 * padding - kernel) / stride) + 1;
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
          const flat = [sizeOf(shape)];
          const all = [sizeOf(x.shape)];
          const added = reshape(d, flat);
          // Zeros of a constant would be folded into one as large as x, kept for the session's life.
          const zeros = graph.node('Expand', [scale(slice(added, 0, 0, 1), 0), graph.integers(all)], all);
          const places = [zeros, reshape(indices!, flat), added];
          const attributes = { axis: 0, reduction: 'add' };
          return reshape(graph.node('ScatterElements', places, all, { attributes }), x.shape);
        },
      ],
    },
  );
  return output;
}
