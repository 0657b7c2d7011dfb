import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { Graph } from '#alohad/network/graph.js';
import { relu } from '#alohad/network/operators.js';
import { ExecutionProviderError, openSession, runInPlace, STOP } from '#alohad/network/session.js';

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

describe('runInPlace', () => {
  const open = async () => {
    const graph = new Graph();
    return openSession(graph.encode({ y: relu(graph.input('x', [2])) }, STOP), { threads: 1 });
  };

  it('writes into the tensors given', async () => {
    const session = await open();
    const y = new Float32Array(2);
    const x = new Tensor('float32', Float32Array.of(-1, 3), [2]);
    await runInPlace(session, { x }, { y: new Tensor('float32', y, [2]) });
    expect([...y]).toEqual([0, 3]);
    await session.release();
  });

  it('tells of a run that failed', async () => {
    const session = await open();
    const x = new Tensor('float32', new Float32Array(3), [3]);
    const y = new Tensor('float32', new Float32Array(2), [2]);
    await expect(runInPlace(session, { x }, { y })).rejects.toThrow(/invalid dimensions/);
    await session.release();
  });
});
