/** Branches of recorded roll-outs in the simulator: the played chunk again, with structured offsets. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { DOF } from '../contract/robot.js';
import type { Branch, RolloutSource } from '../contract/rollout.js';
import { storing } from '../contract/systemError.js';
import type { TaskName } from '../contract/task.js';
import { RandomStream } from '../episodes/randomStream.js';
import { readEpisode } from '../episodes/readEpisode.js';
import type { JudgedRollout } from '../learning/finetune/actor.js';
import type { Brancher, BranchResult } from '../learning/finetune/selfImitation.js';
import { offsetChunk } from '../simulation/chunkOffset.js';
import type { Vector } from '../simulation/kinematics.js';
import { sampleStartPose } from '../simulation/startPoses.js';

export interface SimBrancherOptions {
  readonly source: RolloutSource;
  readonly task: TaskName;
  readonly seed: number;
  /** Offsets tried. */
  readonly branches: number;
  /** Their standard deviation per axis [m]. */
  readonly offsetM: number;
  /** JSON lines of what was tried. */
  readonly log: string;
}

const entrySchema = z.strictObject({
  index: z.int(),
  tried: z.int(),
  solved: z.int(),
  path: z.string().exactOptional(),
});

/** Offsets closer than this count as neighbours [m]. */
const NEIGHBOUR_M = 0.004;

export class SimBrancher implements Brancher {
  readonly #options: SimBrancherOptions;
  readonly #known = new Map<number, BranchResult>();

  constructor(options: SimBrancherOptions) {
    this.#options = options;
    const lines = existsSync(options.log) ? readFileSync(options.log, 'utf8').split('\n').slice(0, -1) : [];
    for (const line of lines) {
      const { index, ...result } = entrySchema.parse(JSON.parse(line));
      this.#known.set(index, result);
    }
  }

  known(index: number): BranchResult | undefined {
    return this.#known.get(index);
  }

  async branch(rollout: JudgedRollout, step: number): Promise<BranchResult> {
    const known = this.#known.get(rollout.index);
    if (known) return known;
    const result = await this.#try(rollout, step);
    const line = `${JSON.stringify({ index: rollout.index, ...result })}\n`;
    storing(this.#options.log, () => appendFileSync(this.#options.log, line, { flush: true }));
    this.#known.set(rollout.index, result);
    return result;
  }

  /**
   * Tries offsets of the right gripper. The one to imitate succeeds, and so does another one near it: a chunk that
   * succeeds by a hair would not survive being imitated. Of those the smallest.
   */
  async #try(rollout: JudgedRollout, step: number): Promise<BranchResult> {
    const { source, task, branches, offsetM, seed } = this.#options;
    if (!source.branch) return { tried: 0, solved: 0 };
    const { action, physicsState, steps } = readEpisode(rollout.path);
    const width = physicsState.length / steps;
    const state = physicsState.slice(step * width, (step + 1) * width);
    const played = action.slice(step * DOF, steps * DOF);
    const start = sampleStartPose(task, rollout.seed);
    const random = RandomStream.of(seed, 'branch', rollout.index);
    const offsets: Vector[] = [];
    const requests: Branch[] = [];
    for (let i = 0; i < branches; i++) {
      const normal = () => offsetM * random.normal();
      const offset: Vector = [0, normal(), normal()];
      const actions = offsetChunk(played, 'right', offset);
      if (!actions) continue;
      offsets.push(offset);
      requests.push({ start, physicsState: state, actions, label: `branch${i}` });
    }
    const tried = await source.branch(requests, 'none');
    const solved = tried.flatMap(({ outcome }, i) => (outcome.success ? [i] : []));
    const robust = solved.filter((i) =>
      solved.some((other) => other !== i && distance(offsets[i]!, offsets[other]!) < NEIGHBOUR_M),
    );
    const [best] = robust.toSorted((a, b) => Math.hypot(...offsets[a]!) - Math.hypot(...offsets[b]!));
    if (best === undefined) return { tried: requests.length, solved: solved.length };
    const [kept] = await source.branch([requests[best]!], 'all');
    return {
      tried: requests.length,
      solved: solved.length,
      ...(kept?.path !== undefined && { path: kept.path }),
    };
  }
}

const distance = (a: Vector, b: Vector): number => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
