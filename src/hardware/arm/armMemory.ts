/**
 * What one arm's thread and the control loop share: goals one way, samples the other, without messages and without
 * anyone waiting for the other's data. Samples are guarded by a sequence lock, orders by a counter that only grows.
 */
import { ARM_JOINTS } from '../../contract/robot.js';

const JOINTS = ARM_JOINTS.length;

/** Places of the words. */
const WORD = { wake: 0, goal: 1, taken: 2, hold: 3, close: 4, sample: 5, state: 6, reason: 7 } as const;
/** Even: what follows are numbers of eight bytes. */
const WORDS = 8;
const NUMBERS = 5 * JOINTS;
/** Room for the reason of a fault [bytes]; a longer one is cut. */
const REASON_BYTES = 2048;

const CLOSE = { release: 1, abandon: 2 } as const;

/** What the arm's thread is doing. */
export const ARM_STATES = ['starting', 'limp', 'active', 'holding', 'faulted', 'closed'] as const;
export type ArmState = (typeof ARM_STATES)[number];

/** What only the arm's thread can do, and answers with a message. */
export type ArmOrder = 'activate' | 'deactivate' | 'confirmHold' | 'releaseGripper' | 'release';

/** A sample of the arm, in joint space. Shape (7,) each. */
export interface ArmSample {
  readonly position: Float64Array;
  readonly velocity: Float64Array;
  readonly effort: Float64Array;
  /** When each joint was read, on the clock of all threads [ms]. */
  readonly timeMs: Float64Array;
}

export class ArmMemory {
  readonly block: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #goal: Float64Array;
  readonly #sample: Float64Array;
  readonly #reason: Uint8Array;

  /** @param block memory made by the other side; absent: new memory is made */
  constructor(block?: SharedArrayBuffer) {
    this.block = block ?? new SharedArrayBuffer(WORDS * 4 + NUMBERS * 8 + REASON_BYTES);
    this.#words = new Int32Array(this.block, 0, WORDS);
    this.#goal = new Float64Array(this.block, WORDS * 4, JOINTS);
    this.#sample = new Float64Array(this.block, WORDS * 4 + JOINTS * 8, 4 * JOINTS);
    this.#reason = new Uint8Array(this.block, WORDS * 4 + NUMBERS * 8, REASON_BYTES);
  }

  get state(): ArmState {
    return ARM_STATES[Atomics.load(this.#words, WORD.state)] ?? 'closed';
  }

  set state(state: ArmState) {
    Atomics.store(this.#words, WORD.state, ARM_STATES.indexOf(state));
    Atomics.notify(this.#words, WORD.state);
    Atomics.notify(this.#words, WORD.taken);
  }

  /** Why the arm is faulted; '' while it is not. Whoever sees the state sees the reason. */
  get reason(): string {
    const length = Atomics.load(this.#words, WORD.reason);
    // Text cannot be decoded in place of shared memory.
    return new TextDecoder().decode(this.#reason.slice(0, length));
  }

  /** Faulted, for the first reason that is given. */
  fail(reason: string): void {
    if (Atomics.load(this.#words, WORD.reason) === 0) {
      const { written } = new TextEncoder().encodeInto(reason, this.#reason);
      Atomics.store(this.#words, WORD.reason, written);
    }
    this.state = 'faulted';
  }

  // The loop's side. Each is safe in the loop.

  /** Leaves a goal, entries `from`..`from + 7` of a 14-vector. */
  putGoal(goal: Float64Array, from: number): void {
    for (let joint = 0; joint < JOINTS; joint++) this.#goal[joint] = goal[from + joint]!;
    Atomics.add(this.#words, WORD.goal, 1);
    this.#wake();
  }

  /** Waits until the arm's thread has the last goal, at most `timeoutMs`. */
  waitUntilTaken(timeoutMs: number): void {
    const goal = Atomics.load(this.#words, WORD.goal);
    const untilMs = performance.now() + timeoutMs;
    for (;;) {
      const taken = Atomics.load(this.#words, WORD.taken);
      const leftMs = untilMs - performance.now();
      if (taken === goal || leftMs <= 0 || this.state === 'faulted' || this.state === 'closed') return;
      Atomics.wait(this.#words, WORD.taken, taken, leftMs);
    }
  }

  /** Asks the arm to stay where it is. */
  askHold(): void {
    Atomics.add(this.#words, WORD.hold, 1);
    this.#wake();
  }

  /** `release`: torque off first; otherwise the servos go on holding. */
  askClose(release: boolean): void {
    Atomics.store(this.#words, WORD.close, release ? CLOSE.release : CLOSE.abandon);
    this.#wake();
  }

  /** Blocks until the arm's thread has closed its bus, at most `timeoutMs`. */
  waitUntilClosed(timeoutMs: number): void {
    const untilMs = performance.now() + timeoutMs;
    for (let { state } = this; state !== 'closed' && performance.now() < untilMs; { state } = this) {
      Atomics.wait(this.#words, WORD.state, ARM_STATES.indexOf(state), untilMs - performance.now());
    }
  }

  askOrder(): void {
    this.#wake();
  }

  /** Copies the newest sample; false when none was ever written. Never torn. */
  readSample(into: ArmSample): boolean {
    for (;;) {
      const before = Atomics.load(this.#words, WORD.sample);
      if (before === 0) return false;
      into.position.set(this.#sample.subarray(0, JOINTS));
      into.velocity.set(this.#sample.subarray(JOINTS, 2 * JOINTS));
      into.effort.set(this.#sample.subarray(2 * JOINTS, 3 * JOINTS));
      into.timeMs.set(this.#sample.subarray(3 * JOINTS));
      if (before % 2 === 0 && Atomics.load(this.#words, WORD.sample) === before) return true;
    }
  }

  // The arm's side.

  /** Sleeps until something is asked, at most `timeoutMs`. `seen`: what `wakes` was before the last look. */
  sleep(seen: number, timeoutMs: number): void {
    if (timeoutMs > 0) Atomics.wait(this.#words, WORD.wake, seen, timeoutMs);
  }

  get wakes(): number {
    return Atomics.load(this.#words, WORD.wake);
  }

  get goalCount(): number {
    return Atomics.load(this.#words, WORD.goal);
  }

  get holdCount(): number {
    return Atomics.load(this.#words, WORD.hold);
  }

  get isClosing(): boolean {
    return Atomics.load(this.#words, WORD.close) !== 0;
  }

  /** Whether torque is to go off at the end. */
  get releases(): boolean {
    return Atomics.load(this.#words, WORD.close) === CLOSE.release;
  }

  /** The newest goal of a joint. */
  goalOf(joint: number): number {
    return this.#goal[joint]!;
  }

  /** Says that the goal of this count is on its way. */
  take(goalCount: number): void {
    Atomics.store(this.#words, WORD.taken, goalCount);
    Atomics.notify(this.#words, WORD.taken);
  }

  writeSample(sample: ArmSample): void {
    Atomics.add(this.#words, WORD.sample, 1);
    this.#sample.set(sample.position, 0);
    this.#sample.set(sample.velocity, JOINTS);
    this.#sample.set(sample.effort, 2 * JOINTS);
    this.#sample.set(sample.timeMs, 3 * JOINTS);
    Atomics.add(this.#words, WORD.sample, 1);
  }

  #wake(): void {
    Atomics.add(this.#words, WORD.wake, 1);
    Atomics.notify(this.#words, WORD.wake);
  }
}

export const newArmSample = (): ArmSample => ({
  position: new Float64Array(JOINTS),
  velocity: new Float64Array(JOINTS),
  effort: new Float64Array(JOINTS),
  timeMs: new Float64Array(JOINTS),
});
