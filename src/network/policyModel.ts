/** The served policy as an ONNX file: inputs and outputs as in `contract/checkpoint.ts`. */
import { actFeatures, actPolicy } from './act.js';
import type { ActInputs } from './act.js';
import type { ActConfig } from './actConfig.js';
import { seesEnvironmentState } from './actConfig.js';
import { parameterShapes } from './actParameters.js';
import type { Weights } from './actParameters.js';
import type { Parameters } from './backbone.js';
import type { Slot } from './flatLayout.js';
import { formatShape, Graph } from './graph.js';
import type { Tensor } from './graph.js';
import type { Learner } from './learner.js';
import { TrainingError } from './trainingError.js';

/**
 * Bytes of `policy.onnx`, batch 1: `qpos`, `environment_state` if it is an input, `image_0`, ... to `actions`.
 * Only the weights that serving needs go in: no CVAE encoder, no auxiliary head.
 */
export function buildPolicyModel(config: ActConfig, weights: Weights): Uint8Array {
  const graph = new Graph();
  const act = { graph, config, parameters: storedParameters(graph, config, weights) };
  return graph.encode({ actions: actPolicy(act, policyInputs(graph, config)) });
}

/**
 * The same model with the weights as inputs of their names, for a policy that is served while it learns. `slots` says
 * which, and where they lie in the learner's flat vector; a weight that does not train stays inside the file.
 */
export function buildLivePolicyModel(
  config: ActConfig,
  learner: Learner,
): { readonly model: Uint8Array; readonly slots: readonly Slot[] } {
  const graph = new Graph();
  const stored = storedParameters(graph, config, learner.copyWeights('weights'));
  const trained = new Map(learner.slots.map((slot) => [slot.name, slot]));
  const used = new Map<string, { readonly slot: Slot; readonly tensor: Tensor }>();
  const lookUp = (name: string): Tensor => {
    const slot = trained.get(name);
    if (!slot) return stored(name);
    const known = used.get(name) ?? { slot, tensor: graph.input(name, slot.shape) };
    used.set(name, known);
    return known.tensor;
  };
  const actions = actPolicy({ graph, config, parameters: lookUp }, policyInputs(graph, config));
  return { model: graph.encode({ actions }), slots: [...used.values()].map(({ slot }) => slot) };
}

/** A model from `image_0`, ... to `features_0`, ..., batch 1: the backbone alone, to cache its feature maps. */
export function buildFeatureModel(config: ActConfig, weights: Weights): Uint8Array {
  const graph = new Graph();
  const act = { graph, config, parameters: storedParameters(graph, config, weights) };
  const features = imageInputs(graph, config).map((image, camera) =>
    actFeatures(act, image, config.sharedBackbone ? 0 : camera),
  );
  return graph.encode(Object.fromEntries(features.map((map, camera) => [`features_${camera}`, map])));
}

function policyInputs(graph: Graph, config: ActConfig): ActInputs {
  return {
    qpos: graph.input('qpos', [1, config.stateSize]),
    images: imageInputs(graph, config),
    ...(seesEnvironmentState(config) && {
      environmentState: graph.input('environment_state', [1, config.environmentStateSize]),
    }),
  };
}

function imageInputs(graph: Graph, config: ActConfig): Tensor[] {
  return config.cameras.map(({ width, height }, i) =>
    graph.input(`image_${i}`, [1, height, width, 3], 'uint8'),
  );
}

/** Parameters as constants of the graph, each stored once. Throws TrainingError for a missing or misshapen one. */
function storedParameters(graph: Graph, config: ActConfig, weights: Weights): Parameters {
  const shapes = parameterShapes(config);
  const stored = new Map<string, Tensor>();
  return (name) => {
    const known = stored.get(name);
    if (known) return known;
    const shape = formatShape(shapes.get(name) ?? []);
    const weight = weights.get(name);
    if (!weight || formatShape(weight.shape) !== shape)
      throw new TrainingError(
        `weight "${name}" has ${weight ? `shape ${formatShape(weight.shape)}` : 'no value'}, the configuration needs ${shape}`,
      );
    const tensor = graph.constant(weight.data, weight.shape, name);
    stored.set(name, tensor);
    return tensor;
  };
}
