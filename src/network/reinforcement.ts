/**
 * The two losses that improve an ACT actor from judged chunks. Both pull towards chunks that succeeded; they differ in
 * what a failure does.
 */
import { encodeActions, normalise, predict } from './act.js';
import type { Act, ActInputs, ActTargets } from './act.js';
import type { CriticConfig } from './critic.js';
import { criticValues, pessimisticValue } from './critic.js';
import type { Parameters } from './backbone.js';
import type { Tensor } from './graph.js';
import {
  add,
  cast,
  divide,
  minimum,
  multiply,
  negate,
  reshape,
  scale,
  subtract,
  sum,
  total,
} from './operators.js';

/**
 * Where z comes from while the actor learns from chunks: `posterior` is the code's training path, the encoder that
 * sees the executed actions; `prior` is z = 0, as served.
 */
export type Latent = 'posterior' | 'prior';

export interface SurrogateInputs {
  /** float32 (batch,): +0.5 for a success, -0.5 for a failure. */
  readonly advantages: Tensor;
  /** float32 (batch,): a sample is pushed no further away than this squared error; very large for no bound. */
  readonly hinge: Tensor;
}

/**
 * Algorithm 1: mean over samples of A * MSE(executed chunk, pi(s)). Minimising it imitates successes and moves away
 * from failures. Reports the mean squared error of both kinds (0 where there is none).
 */
export function surrogateLoss(
  act: Act,
  inputs: ActInputs,
  targets: ActTargets,
  { advantages, hinge }: SurrogateInputs,
  latent: Latent,
): { readonly loss: Tensor; readonly reports: Readonly<Record<'goodError' | 'badError', Tensor>> } {
  const { graph } = act;
  const errors = chunkErrors(act, inputs, targets, latent);
  const loss = scale(total(multiply(minimum(errors, hinge), advantages)), 1 / advantages.shape[0]!);
  const half = graph.scalar(0.5);
  const meanOver = (isOne: Tensor) =>
    divide(total(multiply(errors, isOne)), add(total(isOne), graph.scalar(1e-9)));
  return {
    loss,
    reports: { goodError: meanOver(add(half, advantages)), badError: meanOver(subtract(half, advantages)) },
  };
}

export interface CriticizedSamples {
  readonly inputs: ActInputs;
  /** uint8 (batch, k): 1 behind the episode's end. */
  readonly isPad: Tensor;
  readonly critic: CriticConfig;
  readonly criticParameters: Parameters;
  /** See `pessimisticValue`. */
  readonly shares: Tensor;
  readonly beta: Tensor;
}

/** Sum over failures of -Q(s, pi(s)): the deployed path (z = 0) as the critic sees it. */
export function criticTerm(act: Act, samples: CriticizedSamples): Tensor {
  const { inputs, isPad, critic, criticParameters, shares, beta } = samples;
  const { actions } = predict(act, inputs, undefined);
  const valid = subtract(act.graph.scalar(1), cast(isPad, 'float32'));
  const values = criticValues(critic, { ...inputs, actions, valid }, criticParameters);
  return negate(total(pessimisticValue(values, shares, beta)));
}

/** Sum over successes of MSE(executed chunk, pi(s)). */
export function imitationTerm(act: Act, inputs: ActInputs, targets: ActTargets, latent: Latent): Tensor {
  return total(chunkErrors(act, inputs, targets, latent));
}

/** Mean squared error per sample over the executed part of its chunk, normalised units, shape (batch,). */
export function chunkErrors(act: Act, inputs: ActInputs, targets: ActTargets, latent: Latent): Tensor {
  const { config, graph } = act;
  const z = latent === 'posterior' && config.cvae ? encodeActions(act, inputs, targets).latent : undefined;
  const { actions } = predict(act, inputs, z);
  const error = subtract(actions, normalise(targets.actions, config.normalisation.action));
  const valid = subtract(graph.scalar(1), cast(targets.isPad, 'float32'));
  const squares = multiply(multiply(error, error), reshape(valid, [...valid.shape, 1]));
  return divide(sum(squares, [1, 2]), scale(sum(valid, [1]), config.actionSize));
}

/** Algorithm 2: (1/B) [ sum of MSE over successes + gamma * sum of -Q over failures ]. */
export function compositeLoss(
  imitation: Tensor | undefined,
  critic: Tensor | undefined,
  gamma: Tensor,
  size: number,
): Tensor {
  const terms = [imitation, critic && multiply(critic, gamma)].filter((term) => term !== undefined);
  return scale(
    terms.reduce((a, b) => add(a, b)),
    1 / size,
  );
}
