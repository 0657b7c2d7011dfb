/** Where self-imitation branches, and what it imitates afterwards. */
import { describe, expect, test } from 'vitest';
import type { Actor, JudgedRollout } from '#alohad/learning/finetune/actor.js';
import { SOLVED } from '#alohad/learning/finetune/farming.js';
import { RewardTimes } from '#alohad/learning/finetune/rewardTimes.js';
import { ActorTrainer } from '#alohad/network/actorTrainer.js';
import { ChunkSupply } from '#alohad/learning/finetune/chunkSupply.js';
import type { ChunkReference } from '#alohad/learning/finetune/replay.js';
import {
  type Brancher,
  SelfImitation,
  type SelfImitationOptions,
} from '#alohad/learning/finetune/selfImitation.js';

/** (400,) reward that rises to `levels[i] + 1` at its step. */
function rising(...levels: readonly number[]): Float64Array {
  const reward = new Float64Array(400);
  for (const [i, step] of levels.entries()) reward.fill(i + 1, step);
  return reward;
}

const rollout = (index: number, reward: Float64Array): JudgedRollout => ({
  index,
  seed: index,
  path: `roll-out ${index}`,
  reward,
  actorVersion: 0,
});

const OPTIONS: SelfImitationOptions = {
  batchSize: 4,
  farmed: 3,
  actorSteps: 1,
  capacity: 100,
  corrections: 0.5,
  failures: 'any',
  centre: false,
};

/** An algorithm whose branches all bring a correction, and what it branched and imitated. */
function recorded(options: Partial<SelfImitationOptions> = {}) {
  const branched: [index: number, step: number][] = [];
  const imitated: string[][] = [];
  const brancher: Brancher = {
    // oxlint-disable-next-line require-await
    branch: async ({ index }, step) => {
      branched.push([index, step]);
      return { tried: 2, solved: 1, path: `correction ${index}` };
    },
    known: () => undefined,
  };
  const actor: Actor = {
    chunkSize: 100,
    lastChunk: 200,
    latentSize: 0,
    seed: 1,
    chunks: new ChunkSupply({
      // oxlint-disable-next-line require-await
      load: async (samples: readonly ChunkReference[]) => {
        imitated.push(samples.map(({ path }) => path));
        return {
          qpos: new Float32Array(0),
          actions: new Float32Array(0),
          isPad: new Uint8Array(0),
          images: [],
        };
      },
    }),
    trainer: Object.assign(Object.create(ActorTrainer.prototype), {
      surrogate: () => ({ loss: 0, gradientNorm: 0 }),
    }),
  };
  const learning = new SelfImitation(actor, { ...OPTIONS, ...options }, brancher);
  return { learning, branched, imitated };
}

const SUCCESS = rising(140, 150, 270, 280);

describe('reward times', () => {
  test('name the chunk in which a failure should have earned its next reward', () => {
    const times = new RewardTimes();
    expect(times.failedChunk(rising(150), 100)).toBeUndefined();
    times.add(rising(150)); // A failure says nothing.
    expect(times.failedChunk(rising(150), 100)).toBeUndefined();
    times.add(rising(90, 95, 190, 195));
    times.add(SUCCESS);
    times.add(rising(150, 160, 290, 350));
    expect(times.failedChunk(rising(), 100)).toBe(100);
    expect(times.failedChunk(rising(120), 100)).toBe(100);
    expect(times.failedChunk(rising(120, 130, 210), 100)).toBe(200);
  });
});

describe('self-imitation', () => {
  test('branches near misses at the last chunk and earlier failures where successes got further', async () => {
    const { learning, branched } = recorded();
    await learning.learn(rollout(0, rising(150)));
    await learning.learn(rollout(1, SUCCESS));
    await learning.learn(rollout(2, rising(150, 160, 270)));
    await learning.learn(rollout(3, rising(150)));
    expect(branched).toEqual([
      [2, 200],
      [3, 100],
    ]);
  });

  test('leaves earlier failures alone when told, and branches successes when told', async () => {
    const { learning, branched } = recorded({ failures: 'last', centre: true });
    await learning.learn(rollout(0, SUCCESS));
    await learning.learn(rollout(1, rising(150)));
    await learning.learn(rollout(2, rising(100, 110, 120, 130))); // Solved before the last chunk.
    expect(branched).toEqual([[0, 200]]);
  });

  test('draws the asked share of a batch from corrections', async () => {
    const { learning, imitated } = recorded();
    await learning.learn(rollout(0, SUCCESS));
    await learning.learn(rollout(1, rising(150, 160, 270)));
    const corrections = imitated.map((paths) => paths.filter((path) => path.startsWith('correction')).length);
    expect(corrections).toEqual([0, 2]);
  });

  test('draws corrections of a past run as corrections', async () => {
    const { learning, imitated } = recorded({ corrections: 0.25 });
    const past = { step: 0, label: SOLVED, rollout: -1, seed: 1, actorVersion: 0, fromDemo: false };
    learning.addPrior([
      { ...past, path: 'correction of then' },
      { ...past, path: 'correction of then', correction: true },
    ]);
    await learning.learn(rollout(0, SUCCESS));
    const [paths] = imitated;
    expect(paths).toHaveLength(4);
    expect(paths![0]).toBe('correction of then');
  });
});
