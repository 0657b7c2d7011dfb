/** The recorder's thread: takes steps out of the queue and images out of their slots, and writes them. */
import { parentPort, workerData } from 'node:worker_threads';
import type { EpisodeOutcome } from '../contract/episode.js';
import { AlohadError, DiskFullError } from '../contract/errors.js';
import { EpisodeWriter, type EpisodeJudgement } from './episodeWriter.js';
import { requireFreeSpace } from './freeSpace.js';
import type { RecordingStart } from './recorder.js';
import { recoverEpisode } from './recoverEpisode.js';
import type { StepQueueMemory } from './stepQueue.js';
import { StepQueue } from './stepQueue.js';
import { CapturedFrames } from './capturedFrames.js';
import { FrameRing } from '../realtime/frameRing.js';

export interface RecorderSetup {
  readonly queue: StepQueueMemory;
  /** Per image slot: 1 while it holds an image that was not written yet. */
  readonly imageFlags: SharedArrayBuffer;
  readonly images: SharedArrayBuffer;
  readonly slotBytes: number;
  readonly captured: readonly { readonly camera: string; readonly ring: SharedArrayBuffer }[];
  /** Shared: per captured camera, frames that were gone before they could be recorded. */
  readonly lost: Int32Array;
  readonly encoderModule?: string;
}

interface Placed {
  readonly number: number;
  readonly timeMs: number;
}

export type ToRecorderWorker =
  | {
      readonly kind: 'begin';
      readonly start: RecordingStart;
      readonly timeOriginMs: number;
      /** From the clock of all threads to the loop's [ms]. */
      readonly ofLoopMs: number;
    }
  | (Placed & {
      readonly kind: 'event';
      readonly name: string;
      readonly fields: Readonly<Record<string, unknown>>;
    })
  | (Placed & {
      readonly kind: 'frame';
      readonly camera: string;
      readonly width: number;
      readonly height: number;
      readonly slot: number;
    })
  | { readonly kind: 'finish'; readonly judged: EpisodeJudgement }
  | { readonly kind: 'discard' };

export type FromRecorderWorker =
  | { readonly kind: 'begun' }
  | { readonly kind: 'finished'; readonly path: string; readonly outcome: EpisodeOutcome }
  | { readonly kind: 'discarded' }
  /** `full`: the disk has no space; `answer`: it is the reply to a question, rather than news. */
  | { readonly kind: 'fault'; readonly message: string; readonly full: boolean; readonly answer: boolean };

/** Compresses RGB (height x width x 3) to JPEG. */
type JpegEncoder = (rgb: Uint8Array, width: number, height: number) => Uint8Array;

/** How often the queue is emptied [ms]; the queue holds 20 s. */
const DRAIN_MS = 10;
/** Kept free by default [bytes]: 15 s of four cameras. */
const RESERVE_BYTES = 100e6;

const setup: RecorderSetup = workerData;
const port = parentPort!;
const queue = new StepQueue(setup.queue);
const imageFlags = new Int32Array(setup.imageFlags);
const encoder: { encodeJpeg: JpegEncoder } | undefined = setup.encoderModule
  ? await import(setup.encoderModule)
  : undefined;

const captured = setup.captured.map(
  ({ camera, ring }, index) =>
    new CapturedFrames(camera, new FrameRing(ring), () => Atomics.add(setup.lost, index, 1)),
);
let ofLoopMs = 0;
let writer: EpisodeWriter | undefined;

const say = (reply: FromRecorderWorker): void => port.postMessage(reply);

/** Writes what has gathered in the queue. Without a writer, after a fault, it is thrown away. */
function drain(): void {
  while (
    queue.shift((number, step, beganMs) => {
      if (!writer) return;
      for (const frames of captured) frames.append(writer, number, beganMs, ofLoopMs);
      writer.appendStep(step, number);
    })
  );
}

/** Stops recording after an error, keeping what was finished; recovery needs next to no space. */
function stop(error: unknown, answer: boolean): void {
  if (!(error instanceof AlohadError)) throw error;
  let kept = '';
  if (writer) {
    const abandoned = writer;
    writer = undefined;
    kept = `; ${keep(abandoned)}`;
  }
  say({ kind: 'fault', message: error.message + kept, full: error instanceof DiskFullError, answer });
}

function keep(abandoned: EpisodeWriter): string {
  try {
    const tornPath = abandoned.abandon();
    const { steps, path } = recoverEpisode(tornPath);
    return path ? `the ${steps} steps before are kept in ${path}` : 'no step was finished before';
  } catch (error) {
    if (!(error instanceof AlohadError)) throw error;
    return `what was finished before is kept; \`alohad episodes recover\` makes it whole once there is space`;
  }
}

function handle(message: ToRecorderWorker): void {
  switch (message.kind) {
    case 'begin': {
      const { folder, name, info, attachments = [], reserveBytes = RESERVE_BYTES } = message.start;
      requireFreeSpace(folder, reserveBytes);
      writer = new EpisodeWriter(folder, name, info, { attachments, timeOriginMs: message.timeOriginMs });
      ({ ofLoopMs } = message);
      for (const frames of captured) frames.begin();
      return say({ kind: 'begun' });
    }
    case 'event':
      return writer?.appendEvent(message.name, message.fields, message.timeMs, message.number);
    case 'frame': {
      const { slot, width, height, camera, timeMs, number } = message;
      const pixels = new Uint8Array(setup.images, slot * setup.slotBytes, width * height * 3);
      if (writer && encoder)
        writer.appendImage(camera, timeMs, encoder.encodeJpeg(pixels, width, height), number);
      Atomics.store(imageFlags, slot, 0);
      return;
    }
    case 'finish': {
      if (!writer) return say({ kind: 'discarded' });
      const outcome = writer.finish(message.judged);
      say({ kind: 'finished', path: writer.path, outcome });
      writer = undefined;
      return;
    }
    case 'discard':
      writer?.discard();
      writer = undefined;
      return say({ kind: 'discarded' });
    default:
      message satisfies never;
  }
}

port.on('message', (message: ToRecorderWorker) => {
  const answer = message.kind === 'begin' || message.kind === 'finish' || message.kind === 'discard';
  try {
    drain();
    handle(message);
  } catch (error) {
    stop(error, answer);
  }
});

setInterval(() => {
  try {
    drain();
  } catch (error) {
    stop(error, false);
  }
}, DRAIN_MS);
