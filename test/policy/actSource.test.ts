import { describe, expect, it } from 'vitest';
import { CameraMismatchError, CheckpointError, UsageError } from '#alohad/contract/errors.js';
import { imageBytes } from '#alohad/contract/camera.js';
import { DOF } from '#alohad/contract/robot.js';
import { ActSource } from '#alohad/policy/actSource.js';
import { TimingHistogram } from '#alohad/realtime/timingHistogram.js';
import type { ImageRequest, ImageSource } from '#alohad/contract/camera.js';
import type { PolicyManifest } from '#alohad/contract/checkpoint.js';
import type { ActionChunk } from '#alohad/contract/policy.js';
import type { Observation } from '#alohad/contract/robot.js';
import type { ActSourceOptions } from '#alohad/policy/actSource.js';
import type { Predictor } from '#alohad/policy/inferenceClient.js';

const CHUNK = 6;
const IMAGES: readonly ImageRequest[] = [{ camera: 'cam_high', width: 2, height: 2 }];

const manifest = (changes: Partial<PolicyManifest> = {}): PolicyManifest => ({
  format: 'alohad-policy',
  version: 1,
  name: 'fake',
  task: 'insertion',
  architecture: {},
  chunkSize: CHUNK,
  images: IMAGES,
  channelOrder: 'rgb',
  environmentStateSize: 0,
  normalisation: { qpos: { mean: [], std: [] }, action: { mean: [], std: [] } },
  modelSha256: '',
  provenance: {},
  ...changes,
});

/** Answers after `latencySteps` polls: row r of the chunk of step s is 1000 s + s + r. */
class FakePredictor implements Predictor {
  readonly images = IMAGES.map((image) => new Uint8Array(imageBytes(image)));
  readonly latency = new TimingHistogram();
  readonly queries: number[] = [];
  readonly seen: number[] = [];
  closed = false;
  #due = 0;
  #chunk: ActionChunk | undefined;
  readonly #latencySteps: number;

  constructor(latencySteps: number) {
    this.#latencySteps = latencySteps;
  }
  get idle(): boolean {
    return this.#chunk === undefined;
  }
  submit(step: number): void {
    this.queries.push(step);
    this.seen.push(this.images[0]![0]!);
    const actions = Float32Array.from(
      { length: CHUNK * DOF },
      (_, i) => 1000 * step + step + Math.floor(i / DOF),
    );
    this.#chunk = { step, actions, latencyMs: 1 };
    this.#due = this.#latencySteps;
  }
  poll(): ActionChunk | undefined {
    return this.#chunk && this.#due-- <= 0 ? this.wait() : undefined;
  }
  wait(): ActionChunk | undefined {
    const chunk = this.#chunk;
    this.#chunk = undefined;
    return chunk;
  }
  async close(): Promise<void> {
    this.closed = true;
  }
}

let captured = 0;
const cameras: ImageSource = {
  cameras: ['cam_high'],
  capture(_request, rgb) {
    rgb.fill(++captured % 256);
    return { sequence: captured, timeMs: 0 };
  },
};

function observation(step: number): Observation {
  const zeros = new Float64Array(DOF);
  return { step, timeMs: 0, qpos: zeros, qvel: zeros, effort: zeros, environmentState: new Float64Array(0) };
}

/** Runs `steps` ticks; returns the first joint's action of each, or undefined. */
function play(predictor: FakePredictor, options: ActSourceOptions, steps: number): (number | undefined)[] {
  const source = new ActSource(manifest(), predictor, cameras, options);
  source.reset();
  return Array.from({ length: steps }, (_, step) => source.decide(observation(step))?.[0]);
}

describe('ActSource in lockstep', () => {
  it('plays whole chunks open loop', () => {
    const predictor = new FakePredictor(3);
    const actions = play(predictor, { mode: 'chunk', pace: 'lockstep' }, 13);
    expect(predictor.queries).toEqual([0, 6, 12]);
    expect(actions).toEqual([0, 1, 2, 3, 4, 5, 6006, 6007, 6008, 6009, 6010, 6011, 12012]);
  });

  it('queries every step for the ensemble, and averages', () => {
    const predictor = new FakePredictor(3);
    const actions = play(predictor, { mode: 'ensemble', pace: 'lockstep', ensembleDecay: 0 }, 3);
    expect(predictor.queries).toEqual([0, 1, 2]);
    expect(actions).toEqual([0, 501, 1002]);
  });

  it('captures straight into the request', () => {
    captured = 0;
    const predictor = new FakePredictor(0);
    play(predictor, { mode: 'ensemble', pace: 'lockstep' }, 3);
    expect(predictor.seen).toEqual([1, 2, 3]);
  });
});

describe('ActSource in real time', () => {
  it('holds until the first chunk is there, then enters it at its true row', () => {
    const predictor = new FakePredictor(2);
    const actions = play(predictor, { mode: 'chunk', pace: 'realtime' }, 6);
    expect(actions).toEqual([undefined, undefined, undefined, 3, 4, 5]);
  });

  it('asks early enough to have the next chunk before the present one ends', () => {
    const predictor = new FakePredictor(1);
    const actions = play(predictor, { mode: 'chunk', pace: 'realtime' }, 12);
    expect(predictor.queries).toEqual([0, 3, 6, 9]);
    expect(actions.slice(2)).not.toContain(undefined);
    expect(actions[5]).toBe(3005);
  });

  it('queries whenever the predictor is free in an ensemble that cannot keep up', () => {
    const predictor = new FakePredictor(2);
    play(predictor, { mode: 'ensemble', pace: 'realtime' }, 10);
    expect(predictor.queries).toEqual([0, 3, 6, 9]);
  });

  it('fades between chunks in blend', () => {
    const predictor = new FakePredictor(0);
    const actions = play(predictor, { mode: 'blend', pace: 'realtime', fadeSteps: 1 }, 6);
    expect(actions[3]).toBe(3);
    expect(actions[4]).toBe(0.5 * 3004 + 0.5 * 4);
    expect(actions[5]).toBe(3005);
  });
});

describe('ActSource', () => {
  it('throws away what was still being predicted when an episode ends', () => {
    const predictor = new FakePredictor(2);
    const source = new ActSource(manifest(), predictor, cameras, { mode: 'chunk', pace: 'realtime' });
    source.reset();
    source.decide(observation(0));
    source.reset();
    expect(source.decide(observation(0))).toBeUndefined();
    expect(predictor.queries).toEqual([0, 0]);
  });

  it('refuses a robot without its cameras, and names both sides', () => {
    const images = [...IMAGES, { camera: 'cam_low', width: 2, height: 2 }];
    const make = () =>
      new ActSource(manifest({ images }), new FakePredictor(0), cameras, { mode: 'chunk', pace: 'lockstep' });
    expect(make).toThrow(CameraMismatchError);
    expect(make).toThrow('looks through cam_low');
    expect(make).toThrow('its cameras are cam_high');
  });

  it('refuses queries rarer than its chunks', () => {
    const make = () => play(new FakePredictor(0), { mode: 'chunk', pace: 'lockstep', queryEvery: 7 }, 1);
    expect(make).toThrow(UsageError);
    expect(make).toThrow('choose 1 to 6');
  });

  it('refuses a robot that gives no object poses when it needs them', () => {
    const source = new ActSource(manifest({ environmentStateSize: 14 }), new FakePredictor(0), cameras, {
      mode: 'chunk',
      pace: 'lockstep',
    });
    expect(() => source.decide(observation(0))).toThrow(CheckpointError);
  });

  it('closes its predictor', async () => {
    const predictor = new FakePredictor(0);
    await new ActSource(manifest(), predictor, cameras, { mode: 'chunk', pace: 'lockstep' }).close();
    expect(predictor.closed).toBe(true);
  });
});
