/**
 * Roll-outs that somebody else judges: before each the scene is put back, after each the verdict replaces the rewards
 * that the source gave and is kept beside the recording.
 *
 * A verdict comes at the end, so its reward stands in the last step only: chunks are farmed from there.
 */
import { rmSync } from 'node:fs';
import { Interrupted } from '../../contract/errors.js';
import type { EpisodeJudge, SceneReset } from '../../contract/judging.js';
import type { ActorWeights, Rollout, RolloutSource } from '../../contract/rollout.js';
import { MAX_REWARD, type StartPose } from '../../contract/task.js';
import { writeLabel } from '../../episodes/label.js';

export class JudgedRollouts implements RolloutSource {
  /** There is one scene and one judge. */
  readonly parallel = 1;
  readonly #source: RolloutSource;
  readonly #judge: EpisodeJudge;
  readonly #reset: SceneReset;
  readonly #signal: AbortSignal;

  constructor(source: RolloutSource, judge: EpisodeJudge, reset: SceneReset, signal: AbortSignal) {
    this.#source = source;
    this.#judge = judge;
    this.#reset = reset;
    this.#signal = signal;
  }

  publish(actor: ActorWeights): void {
    this.#source.publish(actor);
  }

  async play(starts: readonly StartPose[]): Promise<Rollout[]> {
    const judged: Rollout[] = [];
    for (const start of starts) judged.push(await this.#playOne(start));
    return judged;
  }

  async close(): Promise<void> {
    await this.#source.close();
  }

  /** Again for as long as the judge discards what was played. */
  async #playOne(start: StartPose): Promise<Rollout> {
    for (;;) {
      if (this.#signal.aborted) throw new Interrupted('roll-outs were stopped');
      await this.#reset.prepare(start, this.#signal);
      const [played] = await this.#source.play([start]);
      const { path } = played!;
      const verdict = await this.#judge.judge(
        { seed: start.seed, ...(path !== undefined && { path }) },
        this.#signal,
      );
      if (verdict !== 'discard') return withVerdict(played!, verdict);
      if (path !== undefined) rmSync(path, { force: true });
    }
  }
}

function withVerdict(played: Rollout, highest: number): Rollout {
  const success = highest >= MAX_REWARD;
  const reward = new Float64Array(played.reward.length);
  reward[reward.length - 1] = highest;
  if (played.path !== undefined) writeLabel(played.path, success, `judged ${highest} of ${MAX_REWARD}`);
  return {
    ...played,
    reward,
    outcome: { ...played.outcome, maxReward: highest, finalReward: highest, success },
  };
}
