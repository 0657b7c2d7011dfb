/** Branches of recorded roll-outs in the simulator: the played chunk again, with structured offsets. */
import { DOF } from '../contract/robot.js';
import type { Branch, RolloutSource } from '../contract/rollout.js';
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
}

/** Offsets closer than this count as neighbours [m]. */
const NEIGHBOUR_M = 0.004;

export class SimBrancher implements Brancher {
  readonly #options: SimBrancherOptions;

  constructor(options: SimBrancherOptions) {
    this.#options = options;
  }

  /**
   * Tries offsets of the right gripper. The one to imitate succeeds, and so does another one near it: a chunk that
   * succeeds by a hair would not survive being imitated. Of those the smallest.
   */
  async branch(rollout: JudgedRollout, step: number): Promise<BranchResult> {
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
