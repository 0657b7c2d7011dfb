/**
 * Carries control steps from the loop to the recorder's thread through shared memory: one producer, one consumer.
 *
 * The producer never waits and never allocates; when the queue is full the step is dropped and counted.
 */
import { DOF } from '../contract/robot.js';
import type { Step } from '../contract/step.js';
import type { EpisodeStep } from './episodeWriter.js';
import { blankStep } from './episodeWriter.js';

const WRITTEN = 0;
const READ = 1;
const DROPPED = 2;

/** number, timeMs, sentMs, reward, beganMs; then qpos, qvel, effort, action. */
const SCALARS = 5;

export interface StepQueueMemory {
  readonly counters: SharedArrayBuffer;
  readonly slots: SharedArrayBuffer;
  readonly capacity: number;
  readonly physicsSize: number;
  readonly environmentSize: number;
}

export class StepQueue {
  /** Give this to the other thread, which builds its own StepQueue around it. */
  readonly memory: StepQueueMemory;
  readonly #counters: Int32Array;
  readonly #slots: Float64Array;
  readonly #slotSize: number;
  readonly #step: ReturnType<typeof blankStep>;

  constructor(memory: StepQueueMemory) {
    this.memory = memory;
    this.#counters = new Int32Array(memory.counters);
    this.#slots = new Float64Array(memory.slots);
    this.#slotSize = slotSize(memory.physicsSize, memory.environmentSize);
    this.#step = blankStep(memory.physicsSize, memory.environmentSize);
  }

  static allocate(capacity: number, physicsSize: number, environmentSize: number): StepQueue {
    return new StepQueue({
      counters: new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT),
      slots: new SharedArrayBuffer(
        capacity * slotSize(physicsSize, environmentSize) * Float64Array.BYTES_PER_ELEMENT,
      ),
      capacity,
      physicsSize,
      environmentSize,
    });
  }

  /** Steps dropped since the queue was made or emptied. */
  get dropped(): number {
    return Atomics.load(this.#counters, DROPPED);
  }

  /** Steps that nobody has taken out yet. */
  get waiting(): number {
    return Atomics.load(this.#counters, WRITTEN) - Atomics.load(this.#counters, READ);
  }

  /** Whether one more step fits now. */
  get hasRoom(): boolean {
    return this.waiting < this.memory.capacity;
  }

  /** Copies a step in. Safe in the loop. Returns false when it was dropped. */
  push(number: number, step: Step, sentMs: number, physicsState: Float64Array): boolean {
    const written = Atomics.load(this.#counters, WRITTEN);
    if (!this.hasRoom) {
      Atomics.add(this.#counters, DROPPED, 1);
      return false;
    }
    const { observation } = step;
    const slots = this.#slots;
    let at = (written % this.memory.capacity) * this.#slotSize;
    slots[at] = number;
    slots[at + 1] = observation.timeMs;
    slots[at + 2] = sentMs;
    slots[at + 3] = step.reward;
    slots[at + 4] = step.beganMs;
    slots.set(observation.qpos, (at += SCALARS));
    slots.set(observation.qvel, (at += DOF));
    slots.set(observation.effort, (at += DOF));
    slots.set(step.goal, (at += DOF));
    slots.set(physicsState, (at += DOF));
    slots.set(observation.environmentState, at + this.memory.physicsSize);
    Atomics.store(this.#counters, WRITTEN, written + 1);
    return true;
  }

  /** Takes the oldest step out and shows it to `take`, with when its tick began [ms]; it must not be kept. Returns false when there is none. */
  shift(take: (number: number, step: EpisodeStep, beganMs: number) => void): boolean {
    const read = Atomics.load(this.#counters, READ);
    if (read === Atomics.load(this.#counters, WRITTEN)) return false;
    const step = this.#step;
    const start = (read % this.memory.capacity) * this.#slotSize;
    const slot = this.#slots.subarray(start, start + this.#slotSize);
    const [number = 0, timeMs = 0, sentMs = 0, reward = 0, beganMs = 0] = slot;
    step.timeMs = timeMs;
    step.sentMs = sentMs;
    step.reward = reward;
    let at = SCALARS;
    for (const column of [
      step.qpos,
      step.qvel,
      step.effort,
      step.action,
      step.physicsState,
      step.environmentState,
    ]) {
      column.set(slot.subarray(at, at + column.length));
      at += column.length;
    }
    Atomics.store(this.#counters, READ, read + 1);
    take(number, step, beganMs);
    return true;
  }

  /** Empties the queue and forgets the drops. Only while neither side uses it. */
  clear(): void {
    this.#counters.fill(0);
  }
}

const slotSize = (physicsSize: number, environmentSize: number): number =>
  SCALARS + 4 * DOF + physicsSize + environmentSize;
