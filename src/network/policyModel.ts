/** The served policy as an ONNX file: inputs and outputs as in `contract/checkpoint.ts`. */
import { actFeatures, actPolicy } from './act.js';
import type { ActInputs } from './act.js';
import type { ActConfig } from './actConfig.js';
import { seesEnvironmentState } from './actConfig.js';
import { parameterShapes } from './actParameters.js';
import type { Weights } from './actParameters.js';
import { criticSpecs, type CriticConfig } from './critic.js';
import type { Parameters } from './backbone.js';
import type { Slot } from './flatLayout.js';
import { formatShape, Graph } from './graph.js';
import type { Shape, Tensor } from './graph.js';
import type { Learner } from './learner.js';
import { offsetScores, type Offset } from './offsetChoice.js';
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
 * The same model with a second output `scores` (1, N): of each of `offsets`, by critics of those weights and that
 * configuration (`offsetCriticConfig`).
 */
export function buildChoosingModel(
  config: ActConfig,
  weights: Weights,
  critic: { readonly config: CriticConfig; readonly weights: Weights },
  offsets: readonly Offset[],
): Uint8Array {
  const graph = new Graph();
  const shapes = new Map([...criticSpecs(critic.config)].map(([name, { shape }]) => [name, shape] as const));
  const own = storedParameters(graph, config, weights);
  const critics = stored(graph, shapes, critic.weights);
  const parameters: Parameters = (name) => (shapes.has(name) ? critics(name) : own(name));
  const act = { graph, config, parameters };
  const inputs = policyInputs(graph, config);
  return graph.encode({
    actions: actPolicy(act, inputs),
    scores: offsetScores(act, inputs, critic.config, offsets),
  });
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
  const frozen = storedParameters(graph, config, learner.copyWeights('weights'));
  const trained = new Map(learner.slots.map((slot) => [slot.name, slot]));
  const used = new Map<string, { readonly slot: Slot; readonly tensor: Tensor }>();
  const lookUp = (name: string): Tensor => {
    const slot = trained.get(name);
    if (!slot) return frozen(name);
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

function storedParameters(graph: Graph, config: ActConfig, weights: Weights): Parameters {
  return stored(graph, parameterShapes(config), weights);
}

/** Parameters as constants of the graph, each stored once. Throws TrainingError for a missing or misshapen one. */
function stored(graph: Graph, shapes: ReadonlyMap<string, Shape>, weights: Weights): Parameters {
  const tensors = new Map<string, Tensor>();
  return (name) => {
    const known = tensors.get(name);
    if (known) return known;
    const shape = formatShape(shapes.get(name) ?? []);
    const weight = weights.get(name);
    if (!weight || formatShape(weight.shape) !== shape)
      throw new TrainingError(
        `weight "${name}" has ${weight ? `shape ${formatShape(weight.shape)}` : 'no value'}, the configuration needs ${shape}`,
      );
    const tensor = graph.constant(weight.data, weight.shape, name);
    tensors.set(name, tensor);
    return tensor;
  };
}
