/** The served policy as an ONNX file: inputs and outputs as in `contract/checkpoint.ts`. */
import type { ActConfig } from './actConfig.js';
import { seesEnvironmentState } from './actConfig.js';
import { actPolicy } from './act.js';
import { parameterShapes } from './actParameters.js';
import type { Weights } from './actParameters.js';
import { format, Graph } from './graph.js';
import { TrainingError } from './actTrainer.js';

/**
 * Bytes of `policy.onnx`, batch 1: `qpos`, `environment_state` if it is an input, `image_0`, ... to `actions`.
 * Only the weights that serving needs go in: no CVAE encoder, no auxiliary head.
 */
export function buildPolicyModel(config: ActConfig, weights: Weights): Uint8Array {
  const graph = new Graph();
  const shapes = parameterShapes(config);
  const inputs = {
    qpos: graph.input('qpos', [1, config.stateSize]),
    images: config.cameras.map(({ width, height }, i) =>
      graph.input(`image_${i}`, [1, height, width, 3], 'uint8'),
    ),
    ...(seesEnvironmentState(config) && {
      environmentState: graph.input('environment_state', [1, config.environmentStateSize]),
    }),
  };
  const parameters = (name: string) => {
    const shape = shapes.get(name);
    const weight = weights.get(name);
    if (!shape || !weight || format(shape) !== format(weight.shape))
      throw new TrainingError(
        `weight "${name}" has ${weight ? `shape ${format(weight.shape)}` : 'no value'}, the configuration needs ${shape ? format(shape) : 'none'}`,
      );
    return graph.constant(weight.data, weight.shape, name);
  };
  const cache = new Map<string, ReturnType<typeof parameters>>();
  const once = (name: string) => {
    const known = cache.get(name) ?? parameters(name);
    cache.set(name, known);
    return known;
  };
  return graph.encode({ actions: actPolicy({ graph, config, parameters: once }, inputs) });
}
