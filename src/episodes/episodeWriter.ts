/**
 * Writes one episode as an MCAP file: `NAME.part.mcap` while it grows, `NAME.mcap` once it is whole.
 *
 * Each control step is one sequence number on every topic, its reward last; a chunk ends only between steps. So what
 * a killed process leaves behind is whole steps, up to the last finished chunk.
 */
import { existsSync, fsyncSync, openSync, closeSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CameraName } from '../contract/camera.js';
import type { EpisodeInfo, EpisodeOutcome } from '../contract/episode.js';
import { StorageError } from '../contract/errors.js';
import { ARMS, DOF } from '../contract/robot.js';
import { MAX_REWARD } from '../contract/task.js';
import type { ByteSink } from './byteSink.js';
import { FileSink } from './byteSink.js';
import { encodeFacts } from './facts.js';
import { ImageEncoder } from './imageEncoder.js';
import { emptySummary, McapFile } from './mcapFile.js';
import { processToken } from './processToken.js';
import { commandedJoints, jpegImage, observedJoints } from './robotMessages.js';
import type { RosType } from './rosMessages.js';
import { COMPRESSED_IMAGE, FLOAT64, FLOAT64_ARRAY, JOINT_STATE, STRING } from './rosMessages.js';
import {
  commandTopic,
  ENVIRONMENT_TOPIC,
  EVENT_TOPIC,
  imageTopic,
  METADATA,
  PHYSICS_TOPIC,
  REWARD_TOPIC,
  stateTopic,
} from './topics.js';
import { storing } from '../contract/systemError.js';

export const PART_SUFFIX = '.part.mcap';
/** A part file that its recorder gave up, after a full disk. */
export const TORN_SUFFIX = '.torn.mcap';
export const EPISODE_SUFFIX = '.mcap';

/** A chunk is closed at the end of the step in which it reaches this size: about 15 steps without images. */
const CHUNK_BYTES = 32 * 1024;

/** One control step as it is stored. Arrays are read during the call only. */
export interface EpisodeStep {
  /** When the joints were measured, and when the goal had been sent; monotonic, `performance.now()` [ms]. */
  readonly timeMs: number;
  readonly sentMs: number;
  /** Observed before the action; shape (14,): rad, grippers normalised; rad/s; effort. */
  readonly qpos: Float64Array;
  readonly qvel: Float64Array;
  readonly effort: Float64Array;
  /** Goals as sent, shape (14,). */
  readonly action: Float64Array;
  /** Reward after the action. */
  readonly reward: number;
  /** Simulator only, before the action; empty elsewhere. */
  readonly physicsState: Float64Array;
  readonly environmentState: Float64Array;
}

/** A file to keep inside the episode: rig, calibration, scene. */
export interface EpisodeAttachment {
  readonly name: string;
  readonly mediaType: string;
  readonly data: Uint8Array;
}

/** What is said of an episode at its end by others than its steps. */
export type EpisodeJudgement = Partial<Pick<EpisodeOutcome, 'success' | 'steps' | 'quality' | 'rejected'>>;

export interface EpisodeWriterOptions {
  readonly attachments?: readonly EpisodeAttachment[];
  /** Wall-clock time of monotonic time 0 [ms since 1970]; this process's own by default. */
  readonly timeOriginMs?: number;
  /** Where the bytes go; a file by default. */
  readonly sink?: ByteSink;
}

export class EpisodeWriter {
  readonly name: string;
  readonly #folder: string;
  readonly #sink: ByteSink;
  readonly #file: McapFile;
  readonly #originNs: bigint;
  readonly #channels = new Map<string, number>();
  readonly #images = new ImageEncoder();
  #steps = 0;
  #maxReward = 0;
  #finalReward = 0;
  #lastNs = 0n;

  /** Begins `folder/name.part.mcap`. Throws StorageError when it exists or cannot be written. */
  constructor(folder: string, name: string, info: EpisodeInfo, options: EpisodeWriterOptions = {}) {
    this.name = name;
    this.#folder = folder;
    if (existsSync(this.path)) throw new StorageError(`${this.path} exists already; choose another name`);
    this.#sink = options.sink ?? FileSink.create(this.partPath);
    this.#originNs = BigInt(Math.round((options.timeOriginMs ?? performance.timeOrigin) * 1e3)) * 1000n;
    this.#lastNs = this.#ns(performance.now());
    this.#file = new McapFile(this.#sink, emptySummary());
    this.#file.begin('ros2', `alohad ${info.softwareVersion}`);
    this.#file.writeMetadata({
      name: METADATA.episode,
      metadata: encodeFacts({ ...info, writer: processToken(process.pid) ?? '' }),
    });
    for (const { name: attached, mediaType, data } of options.attachments ?? []) {
      this.#file.writeAttachment(attached, mediaType, this.#lastNs, data);
    }
  }

  /** The finished file. */
  get path(): string {
    return join(this.#folder, this.name + EPISODE_SUFFIX);
  }

  /** The file while it grows. */
  get partPath(): string {
    return join(this.#folder, this.name + PART_SUFFIX);
  }

  /** Steps so far, which is the number of the next one. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * Appends one step. `number` is its place in the episode; leaving some out (steps that were dropped) is stored
   * as the gap it is. Throws StorageError when the disk refuses; what was finished before stays.
   */
  appendStep(step: EpisodeStep, number = this.#steps): void {
    const observedNs = this.#ns(step.timeMs);
    const sentNs = this.#ns(step.sentMs);
    for (const arm of ARMS) {
      this.#append(stateTopic(arm), JOINT_STATE, number, observedNs, observedJoints(arm, observedNs, step));
      this.#append(commandTopic(arm), JOINT_STATE, number, sentNs, commandedJoints(arm, sentNs, step.action));
    }
    for (const [topic, data] of [
      [PHYSICS_TOPIC, step.physicsState],
      [ENVIRONMENT_TOPIC, step.environmentState],
    ] as const) {
      if (data.length > 0) {
        this.#append(topic, FLOAT64_ARRAY, number, observedNs, { layout: { dim: [], data_offset: 0 }, data });
      }
    }
    this.#append(REWARD_TOPIC, FLOAT64, number, sentNs, { data: step.reward });

    this.#steps = number + 1;
    // The outcome is stored as text, which has no negative zero.
    this.#finalReward = step.reward + 0;
    this.#maxReward = Math.max(this.#maxReward, step.reward);
    if (this.#file.pendingBytes >= CHUNK_BYTES) this.#file.closeChunk();
  }

  /** Appends a JPEG image captured at `timeMs`, the newest of its camera when step `number` was decided. */
  appendImage(camera: CameraName, timeMs: number, jpeg: Uint8Array, number = this.#steps): void {
    const timeNs = this.#ns(timeMs);
    const channel = this.#channel(imageTopic(camera), COMPRESSED_IMAGE.schema);
    this.#file.addMessage(channel, number, timeNs, this.#images.encode(jpegImage(camera, timeNs, jpeg)));
  }

  /** Appends an event at the present step: an intervention's begin or end, a label, a fault. */
  appendEvent(
    name: string,
    fields: Readonly<Record<string, unknown>>,
    timeMs = performance.now(),
    number = this.#steps,
  ): void {
    const data = JSON.stringify({ event: name, step: number, ...fields });
    this.#append(EVENT_TOPIC, STRING, number, this.#ns(timeMs), { data });
  }

  /**
   * Writes the end, waits for the disk, and gives the file its final name. Success is a full reward unless said
   * otherwise; `steps` says how many there were when the last ones are missing. Throws StorageError; the part file
   * then stays, to be recovered.
   */
  finish(judged: EpisodeJudgement = {}): EpisodeOutcome {
    const outcome = {
      steps: judged.steps ?? this.#steps,
      maxReward: this.#maxReward,
      finalReward: this.#finalReward,
      success: judged.success ?? this.#maxReward >= MAX_REWARD,
      ...(judged.quality && { quality: judged.quality }),
      ...(judged.rejected !== undefined && { rejected: judged.rejected }),
    };
    this.appendEvent('finished', { ...outcome });
    this.#file.closeChunk();
    this.#file.writeMetadata({ name: METADATA.outcome, metadata: encodeFacts(outcome) });
    this.#file.end();
    this.#sink.sync();
    this.#sink.close();
    publish(this.partPath, this.path);
    return outcome;
  }

  /** Throws the recording away: closes and deletes the part file. */
  discard(): void {
    this.#sink.close();
    rmSync(this.partPath, { force: true });
  }

  /**
   * Gives the recording up, after a StorageError: finished chunks can be recovered from the file whose path is
   * returned. Its new name says that nobody writes it any more.
   */
  abandon(): string {
    this.#sink.close();
    const path = join(this.#folder, this.name + TORN_SUFFIX);
    storing(path, () => renameSync(this.partPath, path));
    return path;
  }

  #append<T>(topic: string, type: RosType<T>, number: number, timeNs: bigint, value: T): void {
    this.#file.addMessage(this.#channel(topic, type.schema), number, timeNs, type.encode(value));
  }

  #channel(topic: string, schema: RosType<unknown>['schema']): number {
    let channel = this.#channels.get(topic);
    if (channel === undefined) {
      channel = this.#file.addChannel(topic, schema);
      this.#channels.set(topic, channel);
    }
    return channel;
  }

  #ns(timeMs: number): bigint {
    return this.#originNs + BigInt(Math.round(timeMs * 1e6));
  }
}

/** Renames a finished part file and waits until the folder's entry is on the disk, too. */
export function publish(partPath: string, path: string): void {
  storing(path, () => {
    renameSync(partPath, path);
    const folder = openSync(dirname(path), 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  });
}

/** A step of zeros, for callers that fill one step again and again. */
export function blankStep(physicsSize: number, environmentSize: number) {
  return {
    timeMs: 0,
    sentMs: 0,
    qpos: new Float64Array(DOF),
    qvel: new Float64Array(DOF),
    effort: new Float64Array(DOF),
    action: new Float64Array(DOF),
    reward: 0,
    physicsState: new Float64Array(physicsSize),
    environmentState: new Float64Array(environmentSize),
  } satisfies EpisodeStep;
}
