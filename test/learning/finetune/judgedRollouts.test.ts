/** Roll-outs judged by somebody else: what counts, what is stored, what is played again. */
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Interrupted } from '#alohad/contract/errors.js';
import type { Verdict } from '#alohad/contract/judging.js';
import type { RolloutSource } from '#alohad/contract/rollout.js';
import { readLabel } from '#alohad/episodes/label.js';
import { farmChunks } from '#alohad/learning/finetune/farming.js';
import { JudgedRollouts } from '#alohad/learning/finetune/judgedRollouts.js';
import { RandomStream } from '#alohad/episodes/randomStream.js';
import { sampleStartPose } from '#alohad/simulation/startPoses.js';

const STARTS = [1, 2].map((seed) => sampleStartPose('insertion', seed));

/** A source that thinks that everything succeeds at once, and what happened in which order. */
function scene(verdicts: readonly Verdict[], signal = new AbortController().signal) {
  const folder = mkdtempSync(join(tmpdir(), 'judged-'));
  const happened: string[] = [];
  const left = [...verdicts];
  let played = 0;
  const source: RolloutSource = {
    parallel: 4,
    publish: () => {},
    // oxlint-disable-next-line require-await
    play: async ([start]) => {
      const path = join(folder, `${played++}.mcap`);
      writeFileSync(path, '');
      happened.push(`play ${start!.seed}`);
      return [
        {
          seed: start!.seed,
          outcome: { steps: 400, maxReward: 4, finalReward: 4, success: true },
          reward: new Float64Array(400).fill(4),
          path,
          actorVersion: 5,
        },
      ];
    },
    close: async () => {},
  };
  const judge = {
    // oxlint-disable-next-line require-await
    judge: async ({ seed }: { readonly seed: number }) => {
      happened.push(`judge ${seed}`);
      return left.shift()!;
    },
  };
  const reset = {
    // oxlint-disable-next-line require-await
    prepare: async ({ seed }: { readonly seed: number }) => {
      happened.push(`reset ${seed}`);
    },
  };
  return { happened, rollouts: new JudgedRollouts(source, judge, reset, signal) };
}

describe('judged roll-outs', () => {
  test('put the scene back, play, ask, one after the other; the verdict is what counts', async () => {
    const { happened, rollouts } = scene([3, 4]);
    const [missed, solved] = await rollouts.play(STARTS);
    expect(happened).toEqual(['reset 1', 'play 1', 'judge 1', 'reset 2', 'play 2', 'judge 2']);
    expect(missed!.outcome).toMatchObject({ maxReward: 3, finalReward: 3, success: false });
    expect(readLabel(missed!.path!)).toMatchObject({ success: false, note: 'judged 3 of 4' });
    expect(solved!.outcome).toMatchObject({ maxReward: 4, success: true });
    expect(readLabel(solved!.path!)).toMatchObject({ success: true });
  });

  test('are farmed from the end, where the verdict was given', async () => {
    const { rollouts } = scene([4]);
    const [rollout] = await rollouts.play(STARTS.slice(0, 1));
    const chunks = farmChunks(
      rollout!.reward,
      { chunkSize: 100, last: 300 },
      3,
      RandomStream.of(1, 'farm', 0),
    );
    expect(chunks).toEqual([{ start: 300, label: 0.5 }]);
  });

  test('that do not count leave nothing and are played again', async () => {
    const { happened, rollouts } = scene(['discard', 4]);
    const [rollout] = await rollouts.play(STARTS.slice(0, 1));
    expect(happened).toEqual(['reset 1', 'play 1', 'judge 1', 'reset 1', 'play 1', 'judge 1']);
    expect(existsSync(rollout!.path!)).toBe(true);
    expect(existsSync(rollout!.path!.replace('1.mcap', '0.mcap'))).toBe(false);
  });

  test('end when they are stopped', async () => {
    const stop = new AbortController();
    stop.abort();
    const { happened, rollouts } = scene([4], stop.signal);
    await expect(rollouts.play(STARTS)).rejects.toThrow(Interrupted);
    expect(happened).toEqual([]);
  });
});
