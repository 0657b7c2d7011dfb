/** Roll-outs in worker threads: the same outcome whoever plays them, new weights at once, branches that continue. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { defaultRig } from '#alohad/config/rig.js';
import { DOF } from '#alohad/contract/robot.js';
import { SimRolloutFarm } from '#alohad/daemon/rolloutFarm.js';
import { readEpisode } from '#alohad/episodes/readEpisode.js';
import type { ActConfig } from '#alohad/network/actConfig.js';
import { ActTrainer } from '#alohad/network/actTrainer.js';
import { buildLivePolicyModel } from '#alohad/network/policyModel.js';
import { offsetChunk } from '#alohad/simulation/chunkOffset.js';
import { gripPose } from '#alohad/simulation/kinematics.js';
import { sampleStartPose } from '#alohad/simulation/startPoses.js';
import { ARM_START_POSE } from '#alohad/contract/robot.js';

const HOME = [...ARM_START_POSE, ...ARM_START_POSE];
const statistics = (mean: readonly number[], std: number) => ({ mean, std: mean.map(() => std) });
const CONFIG: ActConfig = {
  chunkSize: 100,
  actionSize: DOF,
  stateSize: DOF,
  environmentStateSize: 14,
  cameras: [],
  backbone: { kind: 'resnet18' },
  sharedBackbone: true,
  cameraEmbedding: false,
  dModel: 16,
  heads: 2,
  feedForward: 32,
  encoderLayers: 1,
  decoderLayers: 1,
  latentSize: 4,
  cvae: false,
  cvaeLayers: 1,
  dropout: 0,
  klWeight: 1,
  auxiliaryWeight: 0,
  lossNormalisation: 'valid',
  // Actions stay near the start pose.
  normalisation: {
    qpos: statistics(HOME, 0.1),
    action: statistics(HOME, 0.05),
    environmentState: statistics(Array<number>(14).fill(0), 1),
  },
};
const STARTS = [1, 2, 3].map((seed) => sampleStartPose('insertion', 1_000_000 + seed));

let folder: string;
let trainer: ActTrainer;
let farm: SimRolloutFarm;

const farmOf = (workers: number, to?: string, replace?: true): SimRolloutFarm => {
  const { model, slots } = buildLivePolicyModel(CONFIG, trainer.learner);
  return new SimRolloutFarm({
    rig: defaultRig(),
    manifest: {
      format: 'alohad-policy',
      version: 1,
      name: 'tiny',
      task: 'insertion',
      architecture: {},
      chunkSize: 100,
      images: [],
      channelOrder: 'rgb',
      environmentStateSize: 14,
      normalisation: CONFIG.normalisation,
      modelSha256: '',
      provenance: {},
    },
    model,
    slots,
    weightCount: trainer.learner.optimizer.weights.length,
    workers,
    ...(to !== undefined && { folder: to }),
    ...(replace && { replace }),
  });
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'farm-'));
  trainer = await ActTrainer.create({
    config: CONFIG,
    batchSize: 1,
    seed: 1,
    threads: 1,
    groups: [{ prefix: '', learningRate: 1e-3, weightDecay: 0 }],
    optimizer: { betas: [0.9, 0.999], epsilon: 1e-8 },
    emaDecay: 0,
  });
  farm = farmOf(2, folder);
}, 30_000);

afterAll(async () => {
  await farm.close();
  await trainer.close();
});

const steps = (path: string) => {
  const { qpos, action, reward } = readEpisode(path);
  return { qpos, action, reward };
};

describe('the farm', () => {
  test('plays the same episode bit for bit, in whatever world and order', async () => {
    const weights = trainer.learner.optimizer.weights;
    farm.publish({ version: 3, weights });
    const first = await farm.play(STARTS);
    const again = await farm.play(STARTS.toReversed());
    expect(first.map(({ seed }) => seed)).toEqual(STARTS.map(({ seed }) => seed));
    for (const [i, { path, actorVersion }] of first.entries()) {
      expect(actorVersion).toBe(3);
      expect(steps(again[STARTS.length - 1 - i]!.path!)).toEqual(steps(path!));
    }
  }, 60_000);

  test('acts with new weights from the next episode on', async () => {
    const weights = trainer.learner.optimizer.weights.slice();
    farm.publish({ version: 1, weights });
    const [before] = await farm.play([STARTS[0]!]);
    farm.publish({ version: 2, weights: weights.map((value) => value * 1.5) });
    const [after] = await farm.play([STARTS[0]!]);
    farm.publish({ version: 3, weights });
    const [back] = await farm.play([STARTS[0]!]);
    expect(steps(after!.path!).action).not.toEqual(steps(before!.path!).action);
    expect(steps(back!.path!)).toEqual(steps(before!.path!));
  }, 60_000);

  test('branches go on from a recorded state exactly as the episode did, recorded only when asked', async () => {
    const [rollout] = await farm.play([STARTS[1]!]);
    const { action, qpos, physicsState, steps: count } = readEpisode(rollout!.path!);
    const size = physicsState.length / count;
    const branch = {
      start: STARTS[1]!,
      physicsState: physicsState.slice(300 * size, 301 * size),
      actions: action.slice(300 * DOF),
      label: 'same',
    };
    const [same] = await farm.branch([branch], 'all');
    expect(same!.reward).toEqual(rollout!.reward.slice(300));
    expect(readEpisode(same!.path!).qpos).toEqual(qpos.slice(300 * DOF));
    const [unkept] = await farm.branch([branch], 'none');
    expect(unkept!.path).toBeUndefined();
    const [failed] = await farm.branch([branch], 'successes');
    expect(failed!.path).toBeUndefined();
  }, 60_000);

  test('starts a thread that ended anew, and a repeated roll-out takes the place of what is there', async () => {
    const to = join(folder, 'replaced');
    const other = farmOf(1, to, true);
    other.publish({ version: 1, weights: trainer.learner.optimizer.weights });
    const [first] = await other.play([STARTS[0]!]);
    const before = steps(first!.path!);
    const post = vi.spyOn(Worker.prototype, 'postMessage');
    post.mockImplementationOnce(function (this: Worker, ...message: Parameters<Worker['postMessage']>) {
      this.postMessage(...message);
      // Well within the roll-out, whose file has begun.
      setTimeout(() => void this.terminate(), 100);
    });
    const [again] = await other.play([STARTS[0]!]);
    expect(again!.path).toBe(first!.path);
    expect(steps(again!.path!)).toEqual(before);
    expect(readdirSync(to).filter((name) => name.endsWith('.mcap'))).toEqual([basename(first!.path!)]);
    await other.close();
  }, 60_000);

  test('names a folder that is gone, and plays on once it is back', async () => {
    const gone = join(folder, 'gone');
    const other = farmOf(1, gone);
    other.publish({ version: 1, weights: trainer.learner.optimizer.weights });
    await other.play([STARTS[0]!]);
    rmSync(gone, { recursive: true });
    await expect(other.play([STARTS[1]!])).rejects.toThrow(/gone/);
    await other.close();
  }, 60_000);
});

describe('an offset chunk', () => {
  test('moves the grip point of one arm by the offset, once it has grown, and nothing else', () => {
    const actions = Float64Array.from({ length: 30 * DOF }, (_, i) => HOME[i % DOF]!);
    const offset = [0.004, -0.006, 0.003] as const;
    const moved = offsetChunk(actions, 'right', offset)!;
    for (let step = 0; step < 30; step++) {
      const row = moved.subarray(step * DOF, (step + 1) * DOF);
      expect([...row.subarray(0, 7)]).toEqual(HOME.slice(0, 7));
      expect(row[13]).toBe(HOME[13]);
      const share = Math.min(1, (step + 1) / 10);
      const before = gripPose('right', HOME.slice(7));
      const after = gripPose('right', row.subarray(7));
      after.position.forEach((value, axis) =>
        expect(value - before.position[axis]!).toBeCloseTo(share * offset[axis]!, 6),
      );
      after.rotation.forEach((value, i) => expect(value).toBeCloseTo(before.rotation[i]!, 6));
    }
  });

  test('out of reach is no chunk', () => {
    const actions = Float64Array.from(HOME);
    expect(
      offsetChunk(
        Float64Array.from({ length: 20 * DOF }, (_, i) => actions[i % DOF]!),
        'left',
        [3, 0, 0],
      ),
    ).toBeUndefined();
  });
});
