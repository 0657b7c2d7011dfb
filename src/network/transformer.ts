/**
 * Post-norm transformer layers as ACT and DETR use them: positions are added to queries and keys only.
 * Tokens have shape (batch, length, d). Parameter names are listed in `actParameters.ts`.
 */
import { attend } from './attention.js';
import type { Parameters } from './backbone.js';
import type { Tensor } from './graph.js';
import { add, layerNorm, linear, relu, reshape, transpose } from './operators.js';

export interface LayerOptions {
  readonly heads: number;
  /** Drops activations in training; the identity otherwise. */
  readonly dropout: (x: Tensor) => Tensor;
}

/** `mask` is added to the attention scores, shape (batch, 1, 1, length): 0 to see a token, very negative to not. */
export function encoderLayer(
  x: Tensor,
  positions: Tensor,
  mask: Tensor | undefined,
  name: string,
  parameters: Parameters,
  options: LayerOptions,
): Tensor {
  const placed = add(x, positions);
  const attended = attention(placed, placed, x, mask, `${name}.attention`, parameters, options);
  const y = norm(add(x, options.dropout(attended)), `${name}.norm1`, parameters);
  return norm(
    add(y, options.dropout(feedForward(y, name, parameters, options))),
    `${name}.norm2`,
    parameters,
  );
}

/** `memory` are the encoder's tokens, `placedMemory` the same with positions added. */
export function decoderLayer(
  x: Tensor,
  queries: Tensor,
  memory: Tensor,
  placedMemory: Tensor,
  name: string,
  parameters: Parameters,
  options: LayerOptions,
): Tensor {
  const placed = add(x, queries);
  const self = attention(placed, placed, x, undefined, `${name}.self_attention`, parameters, options);
  const y = norm(add(x, options.dropout(self)), `${name}.norm1`, parameters);
  const cross = attention(
    add(y, queries),
    placedMemory,
    memory,
    undefined,
    `${name}.cross_attention`,
    parameters,
    options,
  );
  const z = norm(add(y, options.dropout(cross)), `${name}.norm2`, parameters);
  return norm(
    add(z, options.dropout(feedForward(z, name, parameters, options))),
    `${name}.norm3`,
    parameters,
  );
}

export function norm(x: Tensor, name: string, parameters: Parameters): Tensor {
  return layerNorm(x, parameters(`${name}.weight`), parameters(`${name}.bias`));
}

function feedForward(x: Tensor, name: string, parameters: Parameters, { dropout }: LayerOptions): Tensor {
  const inner = relu(linear(x, parameters(`${name}.linear1.weight`), parameters(`${name}.linear1.bias`)));
  return linear(dropout(inner), parameters(`${name}.linear2.weight`), parameters(`${name}.linear2.bias`));
}

function attention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  mask: Tensor | undefined,
  name: string,
  parameters: Parameters,
  { heads, dropout }: LayerOptions,
): Tensor {
  const headSize = query.shape[2]! / heads;
  const project = (x: Tensor, part: string) =>
    linear(x, parameters(`${name}.${part}.weight`), parameters(`${name}.${part}.bias`));
  const split = (x: Tensor) =>
    transpose(reshape(x, [x.shape[0]!, x.shape[1]!, heads, headSize]), [0, 2, 1, 3]);
  const [q, k, v] = [
    split(project(query, 'query')),
    split(project(key, 'key')),
    split(project(value, 'value')),
  ];
  const mixed = attend(q, k, v, mask, dropout);
  // The batch is the memory's: queries of one row serve all of it.
  const rows = reshape(transpose(mixed, [0, 2, 1, 3]), [mixed.shape[0]!, ...query.shape.slice(1)]);
  return project(rows, 'out');
}
