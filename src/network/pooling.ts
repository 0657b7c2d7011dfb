/** Max pooling over images, with its gradient. */
import { imageShape, sizeOf } from './graph.js';
import type { Tensor } from './graph.js';
import { reshape } from './operators.js';

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
          const zeros = graph.node('Expand', [graph.scalar(0), graph.integers(all)], all);
          const places = [zeros, reshape(indices!, flat), reshape(d, flat)];
          const attributes = { axis: 0, reduction: 'add' };
          return reshape(graph.node('ScatterElements', places, all, { attributes }), x.shape);
        },
      ],
    },
  );
  return output;
}
