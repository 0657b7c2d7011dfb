/** Scaled dot-product attention (Vaswani et al. 2017), with a gradient that saves memory. */
import type { GradientRule, Tensor } from './graph.js';
import { add, matmul, multiply, scale, softmax, subtract, sum, sumTo } from './operators.js';

/**
 * softmax(q k^T / sqrt(size) + mask) v, all of shape (batch, heads, length, size). Without dropout, the weights are not
 * kept for the gradient but computed once more: their square of the length is the most that a large model would keep.
 */
export function attend(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  mask: Tensor | undefined,
  dropout: (x: Tensor) => Tensor,
): Tensor {
  const { graph } = q;
  const alpha = 1 / Math.sqrt(q.shape[3]!);
  const weigh = (scores: Tensor) => softmax(mask ? add(scores, mask) : scores);
  const weights = weigh(matmul(q, k, { transposeB: true, alpha }));
  const dropped = dropout(weights);
  if (dropped !== weights) return matmul(dropped, v);
  return graph.composite([q, k, v], () => {
    const output = matmul(weights, v);
    // Not written as above: onnxruntime would see that the weights are the same and keep them.
    const again = () =>
      graph.cached(`weights of ${output.name}`, () =>
        weigh(matmul(scale(q, alpha), k, { transposeB: true })),
      );
    const scoresGradient = (d: Tensor) =>
      graph.cached(`scores of ${output.name} from ${d.name}`, () => {
        // The sum of a row of weights times its gradient is that of the output times its own, which is shorter.
        const common = sum(multiply(d, output), [3], true);
        return multiply(again(), subtract(matmul(d, v, { transposeB: true }), common));
      });
    const gradients: GradientRule[] = [
      (d) => sumTo(matmul(scoresGradient(d), k, { alpha }), q.shape),
      (d) => sumTo(matmul(scoresGradient(d), q, { transposeA: true, alpha }), k.shape),
      (d) => sumTo(matmul(again(), d, { transposeA: true }), v.shape),
    ];
    return { output, gradients };
  });
}
