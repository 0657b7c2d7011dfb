/** Reads an episode file back into columns. */
import type { EpisodeData, EpisodeInfo, EpisodeOutcome } from '../contract/episode.js';
import { EpisodeError } from '../contract/errors.js';
import { ARM_JOINTS, ARMS, DOF } from '../contract/robot.js';
import { MAX_REWARD } from '../contract/task.js';
import { decodeInfo, decodeOutcome } from './facts.js';
import { readLabel } from './label.js';
import { FLOAT64, FLOAT64_ARRAY, JOINT_STATE } from './rosMessages.js';
import {
  commandTopic,
  ENVIRONMENT_TOPIC,
  METADATA,
  PHYSICS_TOPIC,
  REWARD_TOPIC,
  stateTopic,
} from './topics.js';
import type { McapMessage } from './walkMcap.js';
import { walkMcap } from './walkMcap.js';

/** Facts and outcome of the episode at `path`, without its steps. */
export interface EpisodeHeader {
  readonly info: EpisodeInfo;
  readonly outcome: EpisodeOutcome;
}

/** Reads facts and outcome alone, a few kilobytes. Throws EpisodeError on a torn file. */
export function readHeader(path: string): EpisodeHeader {
  let info: EpisodeInfo | undefined;
  let outcome: EpisodeOutcome | undefined;
  const walk = walkMcap(
    path,
    {
      metadata: (name, entries) => {
        if (name === METADATA.episode) info = decodeInfo(path, entries);
        if (name === METADATA.outcome) outcome = decodeOutcome(path, entries);
      },
    },
    { skipChunks: true },
  );
  if (!walk.complete) throw tornError(path, walk.reason);
  if (!info || !outcome) throw new EpisodeError(`${path} is an MCAP file, but not an episode of alohad`);
  const label = readLabel(path);
  return { info, outcome: label ? { ...outcome, success: label.success } : outcome };
}

/** Reads the whole episode but its images. Throws EpisodeError on a torn file or one with missing steps. */
export function readEpisode(path: string): EpisodeData {
  const { info, outcome } = readHeader(path);
  const columns = new Columns(path, outcome.steps);
  const handlers = new Map<number, (message: McapMessage) => void>();
  const walk = walkMcap(path, {
    channel: ({ id, topic }) => {
      const handler = columns.handler(topic);
      if (handler) handlers.set(id, handler);
    },
    message: (message) => handlers.get(message.channelId)?.(message),
  });
  if (!walk.complete) throw tornError(path, walk.reason);
  return { path, info, outcome, steps: outcome.steps, ...columns.finish() };
}

/** Reward summary of steps that were never concluded. */
export const outcomeOf = (rewards: readonly number[]): EpisodeOutcome => ({
  steps: rewards.length,
  maxReward: Math.max(0, ...rewards),
  finalReward: rewards.at(-1) ?? 0,
  success: Math.max(0, ...rewards) >= MAX_REWARD,
});

const tornError = (path: string, reason: string): EpisodeError =>
  new EpisodeError(`${path} is not whole: ${reason}; run \`alohad episodes recover\` on it`);

class Columns {
  readonly #path: string;
  readonly #steps: number;
  readonly #qpos: Float64Array;
  readonly #qvel: Float64Array;
  readonly #effort: Float64Array;
  readonly #action: Float64Array;
  readonly #reward: Float64Array;
  readonly #timeNs: BigInt64Array;
  #physics: Float64Array = new Float64Array();
  #environment: Float64Array = new Float64Array();
  /** Numeric messages seen of each topic, to notice steps that are missing. */
  readonly #counts = new Map<string, number>();

  constructor(path: string, steps: number) {
    this.#path = path;
    this.#steps = steps;
    this.#qpos = new Float64Array(steps * DOF);
    this.#qvel = new Float64Array(steps * DOF);
    this.#effort = new Float64Array(steps * DOF);
    this.#action = new Float64Array(steps * DOF);
    this.#reward = new Float64Array(steps);
    this.#timeNs = new BigInt64Array(steps);
  }

  /** How to take in messages of `topic`; undefined for topics that are not columns. */
  handler(topic: string): ((message: McapMessage) => void) | undefined {
    const store = this.#store(topic);
    if (!store) return undefined;
    this.#counts.set(topic, 0);
    return (message) => {
      // A recovered file may end within a step; what lies behind the last whole one is not part of the episode.
      if (message.sequence >= this.#steps) return;
      this.#counts.set(topic, (this.#counts.get(topic) ?? 0) + 1);
      try {
        store(message.sequence, message);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        throw new EpisodeError(`${this.#path}: bad message on ${topic} at step ${message.sequence}`, {
          cause: error,
        });
      }
    };
  }

  #store(topic: string): ((step: number, message: McapMessage) => void) | undefined {
    for (const [i, arm] of ARMS.entries()) {
      const first = i * ARM_JOINTS.length;
      if (topic === stateTopic(arm)) {
        return (step, { data, timeNs }) => {
          const state = JOINT_STATE.decode(data);
          this.#qpos.set(state.position, step * DOF + first);
          this.#qvel.set(state.velocity, step * DOF + first);
          this.#effort.set(state.effort, step * DOF + first);
          this.#timeNs[step] = timeNs;
        };
      }
      if (topic === commandTopic(arm)) {
        return (step, { data }) => this.#action.set(JOINT_STATE.decode(data).position, step * DOF + first);
      }
    }
    if (topic === REWARD_TOPIC) {
      return (step, { data }) => {
        this.#reward[step] = FLOAT64.decode(data).data;
      };
    }
    if (topic === PHYSICS_TOPIC) {
      return (step, { data }) =>
        (this.#physics = this.#row(this.#physics, step, FLOAT64_ARRAY.decode(data).data));
    }
    if (topic === ENVIRONMENT_TOPIC) {
      return (step, { data }) =>
        (this.#environment = this.#row(this.#environment, step, FLOAT64_ARRAY.decode(data).data));
    }
    return undefined;
  }

  /** Sets row `step`; the first one decides the width of the column. */
  #row(column: Float64Array, step: number, row: ArrayLike<number>): Float64Array {
    const rows = column.length === 0 ? new Float64Array(this.#steps * row.length) : column;
    if (row.length * this.#steps !== rows.length) throw new RangeError(`a row of ${row.length}`);
    rows.set(row, step * row.length);
    return rows;
  }

  finish() {
    for (const topic of [...ARMS.flatMap((arm) => [stateTopic(arm), commandTopic(arm)]), REWARD_TOPIC]) {
      if (!this.#counts.has(topic) && this.#steps > 0) this.#counts.set(topic, 0);
    }
    for (const [topic, count] of this.#counts) {
      if (count !== this.#steps) {
        throw new EpisodeError(
          `${this.#path}: ${topic} has ${count} of ${this.#steps} steps; run \`alohad episodes verify\` to see which are missing`,
        );
      }
    }
    const first = this.#timeNs[0] ?? 0n;
    return {
      qpos: this.#qpos,
      qvel: this.#qvel,
      effort: this.#effort,
      action: this.#action,
      reward: this.#reward,
      timeMs: Float64Array.from(this.#timeNs, (time) => Number(time - first) / 1e6),
      physicsState: this.#physics,
      environmentState: this.#environment,
    };
  }
}
