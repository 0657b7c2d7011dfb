import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DOF } from '#alohad/contract/robot.js';
import { run } from '#alohad/control/loop.js';
import { ActSource } from '#alohad/policy/actSource.js';
import { loadCheckpoint } from '#alohad/policy/checkpoint.js';
import { InferenceClient, InferenceError } from '#alohad/policy/inferenceClient.js';
import { FastClock, RealTimeClock } from '#alohad/realtime/clock.js';
import type { Observation } from '#alohad/contract/robot.js';
import { activeFakeRobot } from '../control/fakeRobot.js';
import { ROW_STEP, writeTinyPolicy } from './tinyPolicy.js';

const NOTHING = new Float64Array(0);
let folder: string;
let client: InferenceClient;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'alohad-inference-'));
  await writeTinyPolicy(join(folder, 'images'));
  await writeTinyPolicy(join(folder, 'state'), { images: [], environmentStateSize: 4, chunkSize: 3 });
  await writeTinyPolicy(join(folder, 'slow'), { images: [], environmentStateSize: 4, labour: 200 });
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => client.close());

async function start(name: string): Promise<InferenceClient> {
  client = await InferenceClient.start(await loadCheckpoint(join(folder, name)), { timeoutMs: 5000 });
  return client;
}

describe('InferenceClient', () => {
  it('predicts from joints and images, written straight into the request', async () => {
    await start('images');
    const qpos = Float64Array.from({ length: DOF }, (_, joint) => joint / 10);
    client.images[0]!.fill(255);
    client.images[1]!.fill(51);
    client.submit(7, qpos, NOTHING);
    const chunk = client.wait()!;
    expect(chunk.step).toBe(7);
    expect(chunk.latencyMs).toBeGreaterThan(0);
    for (let row = 0; row < 10; row++) {
      for (let joint = 0; joint < DOF; joint++) {
        const expected = joint / 10 + row * ROW_STEP + 0.1 + 0.01 * 0.2;
        expect(chunk.actions[row * DOF + joint]!).toBeCloseTo(expected, 5);
      }
    }
    expect(client.latency.summary().count).toBe(1);
  });

  it('reads object poses', async () => {
    await start('state');
    client.submit(0, new Float64Array(DOF), Float64Array.of(1, 2, 3, 6));
    expect(client.wait()!.actions[0]!).toBeCloseTo(3, 5);
  });

  it('gives each answer once, by polling too, and is idle in between', async () => {
    await start('state');
    expect(client.idle).toBe(true);
    expect(client.poll()).toBeUndefined();
    expect(client.wait()).toBeUndefined();
    for (let step = 0; step < 50; step++) {
      client.submit(step, new Float64Array(DOF).fill(step), new Float64Array(4));
      expect(client.idle).toBe(false);
      let chunk = client.poll();
      while (!chunk) chunk = client.poll();
      expect(chunk.step).toBe(step);
      expect(chunk.actions[0]).toBe(step);
      expect(client.poll()).toBeUndefined();
    }
  });

  it('refuses a second question before the first answer', async () => {
    await start('state');
    client.submit(0, new Float64Array(DOF), new Float64Array(4));
    expect(() => client.submit(1, new Float64Array(DOF), new Float64Array(4))).toThrow(InferenceError);
  });

  it('names the fault when the worker dies while inferring, now and ever after', async () => {
    await start('state');
    client.submit(0, new Float64Array(DOF).fill(100), new Float64Array(4));
    expect(() => client.wait()).toThrow(InferenceError);
    expect(() => client.poll()).toThrow(/inference worker died: .*Gather/);
    expect(() => client.idle).toThrow(InferenceError);
    expect(() => client.submit(1, new Float64Array(DOF), new Float64Array(4))).toThrow(InferenceError);
  });

  it('can be closed in the middle of an inference, and twice; nothing is predicted afterwards', async () => {
    await start('slow');
    client.submit(0, new Float64Array(DOF), new Float64Array(4));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(client.poll()).toBeUndefined();
    await client.close();
    await client.close();
    expect(() => client.poll()).toThrow('The policy was closed');
  });
});

describe('a policy in the loop', () => {
  it('drives the robot, the same way every time in lockstep', async () => {
    const goals: unknown[] = [];
    for (let repeat = 0; repeat < 2; repeat++) {
      const { manifest } = await loadCheckpoint(join(folder, 'images'));
      const robot = await activeFakeRobot();
      const source = new ActSource(manifest, await start('images'), robot.images, {
        mode: 'ensemble',
        pace: 'lockstep',
      });
      const outcome = await run({ robot, source, clock: new FastClock(), steps: 60 });
      expect(outcome.steps).toBe(60);
      expect(client.latency.summary().count).toBe(60);
      goals.push(robot.goals);
      await source.close();
    }
    expect(goals[0]).toEqual(goals[1]);
  });

  it('keeps real time without waiting for it', async () => {
    const { manifest } = await loadCheckpoint(join(folder, 'images'));
    const robot = await activeFakeRobot();
    const source = new ActSource(manifest, await start('images'), robot.images, {
      mode: 'ensemble',
      pace: 'realtime',
    });
    const outcome = await run({ robot, source, clock: new RealTimeClock(10), steps: 30 });
    expect(outcome.steps).toBe(30);
    expect(client.latency.summary().count).toBeGreaterThan(1);
    expect(robot.goals[0]).not.toEqual(robot.goals.at(-1));
  });

  it('holds the arms when the worker dies', async () => {
    const robot = await activeFakeRobot();
    const { manifest } = await loadCheckpoint(join(folder, 'images'));
    const source = new ActSource(manifest, await start('images'), robot.images, {
      mode: 'ensemble',
      pace: 'lockstep',
    });
    const decide = source.decide.bind(source);
    const poison = (observation: Observation): Observation => ({
      ...observation,
      qpos: observation.qpos.with(0, 100),
    });
    source.decide = (observation) => decide(observation.step === 5 ? poison(observation) : observation);
    await expect(run({ robot, source, clock: new FastClock(), steps: 20 })).rejects.toThrow(InferenceError);
    expect(robot.goals).toHaveLength(5);
    expect(robot.calls.at(-1)).toBe('hold');
  });
});
