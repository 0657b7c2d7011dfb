/** Shared memory between the main thread and the control thread: the newest tick, the newest chunk, and the stop words. */
import type { ActionChunk } from '../../contract/policy.js';
import { DOF } from '../../contract/robot.js';
import type { Step, StepListener } from '../../contract/step.js';
import type { StopSignal } from '../../realtime/clock.js';
import { monotonicMs } from '../../realtime/monotonic.js';
import { SharedSample } from '../../realtime/sharedSample.js';

/** A tick: step, time [ms], then the payload of a joints frame (contract/apiFrames.ts). */
const TICK_HEAD = 2;
export const TICK_LENGTH = TICK_HEAD + 5 * DOF + 2;
/** Rows of a chunk that are shown at most. */
export const CHUNK_ROWS = 256;
export const CHUNK_LENGTH = 2 + CHUNK_ROWS * DOF;

const STOP = 0;
const ABORT = 1;
/** Counts how often the loop was called out of its sleep. */
const CALLS = 2;
const TAKE = 3;
/** In the order of their numbers in shared memory. */
const TAKE_WORDS = [undefined, 'end', 'again'] as const;
export type TakeWord = (typeof TAKE_WORDS)[number];

/** Everything in it may cross to another thread. */
export interface LiveMemory {
  readonly tick: SharedArrayBuffer;
  readonly chunk: SharedArrayBuffer;
  /** Emergency stop, abort, what the loop sleeps on, and what a person says of the take. */
  readonly words: SharedArrayBuffer;
  /** When the last emergency stop was asked for, on the clock of all threads [ms]. */
  readonly stopMs: SharedArrayBuffer;
}

export const allocateLiveMemory = (): LiveMemory => ({
  tick: SharedSample.allocate(TICK_LENGTH).memory,
  chunk: SharedSample.allocate(CHUNK_LENGTH).memory,
  words: new SharedArrayBuffer(16),
  stopMs: new SharedArrayBuffer(8),
});

/** The reasons for which a moving arm has to hold at once. Set by the main thread, looked at in every tick. */
export class StopWords {
  readonly #words: Int32Array;
  readonly #stopMs: Float64Array;

  constructor({ words, stopMs }: LiveMemory) {
    this.#words = new Int32Array(words);
    this.#stopMs = new Float64Array(stopMs);
  }

  /** Emergency stop: latched until it is cleared. */
  readonly stop: StopSignal & { set(on: boolean): void } = this.#signal(STOP);
  /** The episode in progress is to end. */
  readonly abort: StopSignal & { set(on: boolean): void } = this.#signal(ABORT);

  /** For the loop's clock, which looks at the words as soon as one is set. */
  get bed(): Int32Array {
    return this.#words.subarray(CALLS, CALLS + 1);
  }

  /** When the last emergency stop was asked for [ms]. */
  get stopMs(): number {
    return this.#stopMs[0]!;
  }

  /** What a person says of the episode in progress: it ends here and counts, or is played again. */
  get take(): TakeWord {
    return TAKE_WORDS[Atomics.load(this.#words, TAKE)];
  }

  set take(said: TakeWord) {
    Atomics.store(this.#words, TAKE, TAKE_WORDS.indexOf(said));
    if (said) this.#call();
  }

  #call(): void {
    Atomics.add(this.#words, CALLS, 1);
    Atomics.notify(this.#words, CALLS);
  }

  #signal(word: number): StopSignal & { set(on: boolean): void } {
    const aborted = (): boolean => Atomics.load(this.#words, word) !== 0;
    return {
      get aborted() {
        return aborted();
      },
      set: (on) => {
        if (word === STOP && on && !aborted()) this.#stopMs[0] = monotonicMs();
        Atomics.store(this.#words, word, on ? 1 : 0);
        if (on) this.#call();
      },
    };
  }
}

/** Listener of the loop: puts every tick where the main thread can read it. */
export class TickTap implements StepListener {
  readonly #sample: SharedSample;
  #step: Step | undefined;
  readonly #fill = (values: Float64Array): void => {
    const { observation, action, goal, reward, lateMs } = this.#step!;
    values[0] = observation.step;
    values[1] = monotonicMs();
    values.set(observation.qpos, TICK_HEAD);
    values.set(observation.qvel, TICK_HEAD + DOF);
    values.set(observation.effort, TICK_HEAD + 2 * DOF);
    values.set(action, TICK_HEAD + 3 * DOF);
    values.set(goal, TICK_HEAD + 4 * DOF);
    values[TICK_HEAD + 5 * DOF] = reward;
    values[TICK_HEAD + 5 * DOF + 1] = lateMs;
  };

  constructor({ tick }: LiveMemory) {
    this.#sample = new SharedSample(tick);
  }

  onStep(step: Step): void {
    this.#step = step;
    this.#sample.write(this.#fill);
  }
}

/** Puts every chunk where the main thread can read it: step, rows, then the actions. */
export function chunkTap({ chunk: memory }: LiveMemory): (chunk: ActionChunk) => void {
  const sample = new SharedSample(memory);
  return ({ step, actions }) => {
    sample.write((values) => {
      const shown = actions.subarray(0, CHUNK_ROWS * DOF);
      values[0] = step;
      values[1] = shown.length / DOF;
      values.set(shown, 2);
    });
  };
}
