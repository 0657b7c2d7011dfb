/** Checks an episode file against everything it promises. */
import type { EpisodeData } from '../contract/episode.js';
import { AlohadError } from '../contract/errors.js';
import { decodeOutcome } from './facts.js';
import { readEpisode } from './readEpisode.js';
import { cameraOfTopic, EVENT_TOPIC, METADATA } from './topics.js';
import { walkMcap } from './walkMcap.js';

export interface Verification {
  /** Empty when all is well; otherwise one sentence per fault. */
  readonly faults: readonly string[];
  readonly steps: number;
  /** Images per camera. */
  readonly images: Readonly<Record<string, number>>;
  /** Between neighbouring observations [ms]. */
  readonly medianPeriodMs: number;
  readonly longestPeriodMs: number;
}

interface TopicCount {
  readonly topic: string;
  readonly numbers: number[];
  lastNs: bigint;
  backwards: number;
}

/** Reads all of the file at `path`: CRCs, message counts, missing steps, times that run backwards, NaN, images. */
export function verifyEpisode(path: string): Verification {
  const faults: string[] = [];
  const topics = new Map<number, TopicCount>();
  let steps = 0;
  const walk = walkMcap(
    path,
    {
      metadata: (name, entries) => {
        if (name === METADATA.outcome) ({ steps } = decodeOutcome(path, entries));
      },
      channel: ({ id, topic }) => topics.set(id, { topic, numbers: [], lastNs: 0n, backwards: 0 }),
      message: ({ channelId, sequence, timeNs }) => {
        const count = topics.get(channelId);
        if (!count) return;
        count.numbers.push(sequence);
        if (timeNs < count.lastNs) count.backwards += 1;
        count.lastNs = timeNs;
      },
    },
    { index: true },
  );
  if (!walk.complete) faults.push(`the file is not whole: ${walk.reason}`);

  let episode: EpisodeData | undefined;
  try {
    episode = readEpisode(path);
  } catch (error) {
    if (!(error instanceof AlohadError)) throw error;
    faults.push(error.message);
  }
  const images: Record<string, number> = {};
  for (const { topic, numbers, backwards } of topics.values()) {
    if (backwards > 0) faults.push(`${topic}: time runs backwards ${backwards} times`);
    const camera = cameraOfTopic(topic);
    if (camera !== undefined) images[camera] = numbers.length;
    else if (topic !== EVENT_TOPIC) faults.push(...gapFaults(topic, numbers, steps));
  }
  for (const camera of episode?.info.cameras ?? []) {
    if (Object.keys(images).length > 0 && !images[camera]) faults.push(`${camera}: no images`);
  }
  if (episode) faults.push(...numberFaults(episode));
  return { faults, steps, images, ...periods(episode?.timeMs ?? new Float64Array()) };
}

/** Steps of a topic that are missing, as ranges, or out of order. */
function gapFaults(topic: string, numbers: readonly number[], steps: number): string[] {
  const faults: string[] = [];
  [...numbers, steps].forEach((number, i) => {
    const expected = i === 0 ? 0 : numbers[i - 1]! + 1;
    if (number > expected) faults.push(`${topic}: steps ${expected}..${number - 1} are missing`);
    if (number < expected && i < numbers.length) {
      faults.push(`${topic}: step ${number} comes after step ${expected - 1}`);
    }
  });
  return faults;
}

function numberFaults(episode: EpisodeData): string[] {
  const columns = ['qpos', 'qvel', 'effort', 'action', 'reward', 'physicsState', 'environmentState'] as const;
  return columns.flatMap((column) => {
    const values = episode[column];
    const index = values.findIndex((value) => !Number.isFinite(value));
    if (index < 0) return [];
    const step = Math.floor((index * episode.steps) / values.length);
    return [`${column}: ${values[index]} at step ${step}`];
  });
}

function periods(timeMs: Float64Array): Pick<Verification, 'medianPeriodMs' | 'longestPeriodMs'> {
  const gaps = Float64Array.from(timeMs.subarray(1), (time, i) => time - timeMs[i]!).sort();
  return { medianPeriodMs: gaps[gaps.length >> 1] ?? 0, longestPeriodMs: gaps.at(-1) ?? 0 };
}
