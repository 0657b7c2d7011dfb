/**
 * Best of N: scores constant offsets of a chunk before it is executed. An ensemble of critics has learned which offset
 * succeeds from what; the score of one is pessimistic, their mean minus a standard deviation.
 *
 * The critics are those of algorithm 2, on the actor's frozen eyes, with an offset [m] in place of a chunk of actions.
 */
import type { ActInputs } from './act.js';
import { actFeatures, type Act } from './act.js';
import type { ActConfig } from './actConfig.js';
import { criticValues, pessimisticValue, type CriticConfig } from './critic.js';
import type { Tensor } from './graph.js';
import { concat, transpose } from './operators.js';

/** In the world [m]. */
export type Offset = readonly [number, number, number];

/** Offsets of about so much are what critics tell apart [m]. */
const SPREAD_M = 0.006;
const BETA = 1;

/** The critics' configuration for a policy of cameras and a frozen backbone. */
export function offsetCriticConfig(actor: ActConfig, heads: number): CriticConfig {
  const action = { mean: [0, 0, 0], std: [SPREAD_M, SPREAD_M, SPREAD_M] };
  return {
    actor: {
      ...actor,
      chunkSize: 1,
      actionSize: 3,
      normalisation: { ...actor.normalisation, action },
    },
    eyes: 'actor',
    channels: [64, 32],
    hidden: [256, 256],
    heads,
    actions: 'all',
  };
}

/** Scores (1, N) of the N offsets, for the observation that the policy of `act` decides on. */
export function offsetScores(
  act: Act,
  inputs: ActInputs,
  critic: CriticConfig,
  offsets: readonly Offset[],
): Tensor {
  const { graph, config, parameters } = act;
  const { heads, actor } = critic;
  const std = actor.normalisation.action.std;
  const repeated = (x: Tensor) =>
    concat(
      offsets.map(() => x),
      0,
    );
  const values = criticValues(
    critic,
    {
      qpos: repeated(inputs.qpos),
      // The backbone runs once: onnxruntime merges it with the policy's own.
      images: inputs.images.map((image, camera) =>
        repeated(actFeatures(act, image, config.sharedBackbone ? 0 : camera)),
      ),
      actions: graph.constant(
        Float32Array.from(offsets.flatMap((offset) => offset.map((value, axis) => value / std[axis]!))),
        [offsets.length, 1, 3],
      ),
      valid: graph.ones([offsets.length, 1]),
    },
    parameters,
  );
  const shares = graph.constant(new Float32Array(heads).fill(1 / heads), [heads, 1]);
  return transpose(pessimisticValue(values, shares, graph.scalar(BETA)), [1, 0]);
}
