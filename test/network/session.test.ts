import { describe, expect, it } from 'vitest';
import { Graph } from '#alohad/network/graph.js';
import { relu } from '#alohad/network/operators.js';
import { ExecutionProviderError, openSession } from '#alohad/network/session.js';

describe('openSession', () => {
  it('names an execution provider that does not work, and those to choose from', async () => {
    const graph = new Graph();
    const model = graph.encode({ y: relu(graph.input('x', [2])) });
    await expect(openSession(model, { threads: 1, executionProvider: 'abacus' })).rejects.toThrow(
      ExecutionProviderError,
    );
    await expect(openSession(model, { threads: 1, executionProvider: 'abacus' })).rejects.toThrow(
      /"abacus" cannot be used here .* cpu/,
    );
  });

  it('keeps onnxruntime from sending usage data', () => {
    expect(process.env['ORT_DISABLE_TELEMETRY']).toBe('1');
  });
});
