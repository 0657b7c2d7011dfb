/** Corrections of recorded roll-outs, found in the simulator: the chunk that failed again, with structured offsets. */
import { z } from 'zod';
import { ARMS, type Arm } from '../contract/robot.js';
import type { EpisodeData } from '../contract/episode.js';
import type { Branch, Rollout, RolloutSource } from '../contract/rollout.js';
import { EpisodeError } from '../contract/errors.js';
import { MAX_REWARD, type TaskName } from '../contract/task.js';
import { RandomStream } from '../episodes/randomStream.js';
import { readEpisode } from '../episodes/readEpisode.js';
import type { JudgedRollout } from '../learning/finetune/actor.js';
import { highestReward, NEAR_MISS } from '../learning/finetune/farming.js';
import type { DiskPatience } from '../learning/finetune/diskPatience.js';
import { CorruptEpisodeError } from '../learning/finetune/sampleLoader.js';
import type { Brancher, BranchResult } from '../learning/finetune/selfImitation.js';
import { appendLine, openLines, readLines } from '../learning/jsonLines.js';
import type { Vector } from '../simulation/kinematics.js';
import { sampleStartPose } from '../simulation/startPoses.js';
import { branchesFrom } from './chunkBranch.js';

export interface SimBrancherOptions {
  readonly source: RolloutSource;
  readonly task: TaskName;
  readonly seed: number;
  /** Most offsets tried. */
  readonly branches: number;
  /** Steps of a branch. */
  readonly chunkSize: number;
  /** Their standard deviation per axis [m]. */
  readonly offsetM: number;
  /** JSON lines of what was tried. */
  readonly log: string;
  /** Waits while the disk is full. */
  readonly patience: DiskPatience;
}

/** Lines of earlier versions say more, which is passed over. */
const entrySchema = z.object({
  index: z.int(),
  tried: z.int(),
  solved: z.int(),
  path: z.string().exactOptional(),
});
type Entry = z.infer<typeof entrySchema>;

/** What was tried per roll-out, from the log of a run; nothing when there is none. */
export const readBranches = (log: string): readonly Entry[] => readLines(log).map(parseEntry);
const parseEntry = (line: string): Entry => entrySchema.parse(JSON.parse(line));

interface Offset {
  readonly arm: Arm;
  /** In the world [m]. */
  readonly by: Vector;
}

/** Offsets tried at a time. */
const WAVE = 4;
/** Offsets that succeed before the search ends. */
const ENOUGH = 3;

export class SimBrancher implements Brancher {
  readonly #options: SimBrancherOptions;
  readonly #known = new Map<number, Entry>();

  constructor(options: SimBrancherOptions) {
    this.#options = options;
    for (const line of openLines(options.log)) {
      const entry = parseEntry(line);
      this.#known.set(entry.index, entry);
    }
  }

  known(index: number): BranchResult | undefined {
    return this.#known.get(index);
  }

  async branch(rollout: JudgedRollout, step: number): Promise<BranchResult> {
    const known = this.#known.get(rollout.index);
    if (known) return known;
    const entry = { index: rollout.index, ...(await this.#try(rollout, step)) };
    const { log, patience } = this.#options;
    await patience.until(() => appendLine(log, entry));
    this.#known.set(rollout.index, entry);
    return entry;
  }

  /**
   * Tries offsets a few at a time, until some succeed. What is imitated is the middle of those that did: the smallest
   * lies on the edge of what succeeds and would not survive being imitated.
   */
  async #try(rollout: JudgedRollout, step: number): Promise<Omit<Entry, 'index'>> {
    const { branches, seed } = this.#options;
    if (!this.#options.source.branch) return { tried: 0, solved: 0 };
    const origin = branchesFrom(
      readRollout(rollout.path),
      step,
      this.#options.chunkSize,
      sampleStartPose(this.#options.task, rollout.seed),
      `correction-of-${rollout.index}`,
    );
    const random = RandomStream.of(seed, 'branch', rollout.index);
    const reward = highestReward(rollout.reward);
    const succeeded = reward === MAX_REWARD;
    const isLast = reward >= NEAR_MISS;
    const solves = ({ outcome }: Rollout) => outcome.success || (!isLast && outcome.finalReward > reward);
    const solved: Offset[] = succeeded ? [{ arm: 'right', by: [0, 0, 0] }] : [];
    let tried = 0;
    const enough = succeeded ? Infinity : ENOUGH;
    while (tried < branches && mostTried(solved).length < enough) {
      const wave = Array.from({ length: Math.min(WAVE, branches - tried) }, () => this.#draw(isLast, random));
      tried += wave.length;
      const offsets = wave.flatMap((offset) => {
        const branch = origin(offset.arm, offset.by);
        return branch ? [{ offset, branch }] : [];
      });
      const played = await this.#play(
        offsets.map(({ branch }) => branch),
        'none',
      );
      solved.push(...offsets.filter((_, i) => solves(played[i]!)).map(({ offset }) => offset));
    }
    const agreeing = mostTried(solved);
    if (agreeing.length < 2) return { tried, solved: solved.length };
    const by = mean(agreeing.map((offset) => offset.by));
    const middle = origin(agreeing[0]!.arm, by);
    if (!middle) return { tried, solved: solved.length };
    const [kept] = await this.#play([middle], 'all');
    const path = kept && solves(kept) ? kept.path : undefined;
    return {
      tried: tried + 1,
      solved: solved.length,
      ...(path !== undefined && { path }),
    };
  }

  async #play(branches: readonly Branch[], keep: 'all' | 'none'): Promise<Rollout[]> {
    const { source, patience } = this.#options;
    return await patience.until(async () => (await source.branch?.(branches, keep)) ?? []);
  }

  /**
   * In the last chunk the peg's gripper across the direction of insertion; before it either gripper, any direction, as
   * which of the two missed is not known.
   */
  #draw(isLast: boolean, random: RandomStream): Offset {
    const normal = () => this.#options.offsetM * random.normal();
    if (isLast) return { arm: 'right', by: [0, normal(), normal()] };
    const arm = random.uniform() < 0.5 ? 'left' : 'right';
    return { arm, by: [normal(), normal(), normal()] };
  }
}

function readRollout(path: string): EpisodeData {
  try {
    return readEpisode(path);
  } catch (error) {
    throw error instanceof EpisodeError ? new CorruptEpisodeError(path, error.message) : error;
  }
}

/** Offsets of the arm that has more of them. */
function mostTried(offsets: readonly Offset[]): Offset[] {
  const [first, second] = ARMS.map((arm) => offsets.filter((offset) => offset.arm === arm));
  return first!.length >= second!.length ? first! : second!;
}

function mean(vectors: readonly Vector[]): [number, number, number] {
  const along = (axis: 0 | 1 | 2) => vectors.reduce((sum, vector) => sum + vector[axis], 0) / vectors.length;
  return [along(0), along(1), along(2)];
}
