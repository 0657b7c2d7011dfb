/** The control loop's side of one arm's thread. Nothing here waits but what says so. */
import { Worker } from 'node:worker_threads';
import type { ArmProfile, GripperConvention } from '../../contract/arm.js';
import { AlohadError } from '../../contract/errors.js';
import type { ServoHealth } from '../../contract/servoHealth.js';
import { ArmMemory, newArmSample, type ArmOrder, type ArmSample, type ArmState } from './armMemory.js';
import type { ArmAnswer, ArmSetup } from './armWorker.js';
import { allocateHealth, HealthReader } from './healthMemory.js';

/** An arm cannot be opened, does not obey, or has failed. All arms hold. */
export class ArmError extends AlohadError {}

export interface ArmOptions {
  readonly name: string;
  readonly path: string;
  readonly profile: ArmProfile;
  readonly gripper: GripperConvention;
  readonly slackMs: number;
  /** See ArmSetup; 200 when absent. */
  readonly watchdogMs?: number;
}

/** [ms]; source: facts of others' failures, 100 to 200 ms. */
export const WATCHDOG_MS = 200;

/** Longest wait for the thread when the process ends [ms]. */
const EXIT_MS = 500;

/** Longest wait for a goal to be on its way [ms]: a cycle, and a period between goals. */
const TAKE_MS = 30;

export class ArmLink {
  readonly name: string;
  readonly #profile: ArmProfile;
  readonly #memory: ArmMemory;
  readonly #health: HealthReader;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  readonly #sample = newArmSample();
  /** A process that ends without closing leaves its arms stiff; the thread must not be cut off inside a system call. */
  readonly #abandon = (): void => {
    this.#memory.askClose(false);
    this.#memory.waitUntilClosed(EXIT_MS);
  };
  #waiting: ((answer: ArmAnswer) => void) | undefined;
  #fault = '';

  /** Opens the bus and compares the arm with its profile; torque stays as it is. Throws ArmError. */
  static async open(options: ArmOptions, alarm: SharedArrayBuffer): Promise<ArmLink> {
    const memory = new ArmMemory();
    const health = allocateHealth(options.profile.servos.length);
    const setup: ArmSetup = { watchdogMs: WATCHDOG_MS, ...options, memory: memory.block, health, alarm };
    const link = new ArmLink(
      options,
      memory,
      new HealthReader(health),
      new Worker(new URL('./armWorker.js', import.meta.url), { workerData: setup }),
    );
    const answer = await link.#answer();
    if (!answer.ok) throw new ArmError(answer.message);
    link.#worker.unref();
    return link;
  }

  private constructor(
    { name, profile }: ArmOptions,
    memory: ArmMemory,
    health: HealthReader,
    worker: Worker,
  ) {
    this.name = name;
    this.#profile = profile;
    this.#memory = memory;
    this.#health = health;
    this.#worker = worker;
    process.on('exit', this.#abandon);
    worker.on('message', (answer: ArmAnswer) => this.#hear(answer));
    worker.on('error', (error) => this.#die(`the thread of ${name} died: ${String(error)}`));
    this.#ended = new Promise((resolve) => {
      worker.once('exit', () => {
        process.off('exit', this.#abandon);
        this.#die(`the thread of ${name} has ended`);
        resolve();
      });
    });
  }

  get state(): ArmState {
    return this.#memory.state;
  }

  /** Why the arm is faulted or gone. */
  get fault(): string {
    return this.#memory.reason || this.#fault || `${this.name} is ${this.state}`;
  }

  /** The newest sample, the same object every time. Safe in the loop. */
  sample(): ArmSample {
    this.#memory.readSample(this.#sample);
    return this.#sample;
  }

  /** As of a moment ago; for people, outside of the loop. */
  health(): ServoHealth[] {
    return this.#health.read(this.name, this.#profile, this.sample().effort);
  }

  /** Hands over a goal: entries `from`..`from + 7` of a 14-vector. Safe in the loop. */
  put(goal: Float64Array, from: number): void {
    this.#memory.putGoal(goal, from);
  }

  /** Waits until the goal is on its way: no longer than a bus cycle, unless goals come faster than 100 a second. */
  waitUntilTaken(): void {
    this.#memory.waitUntilTaken(TAKE_MS);
  }

  /** Safe in the loop. */
  hold(): void {
    this.#memory.askHold();
  }

  /** Throws ArmError; an arm that is faulted or gone takes no orders. */
  async order(order: ArmOrder): Promise<void> {
    if (this.state === 'faulted' || this.#fault !== '') throw new ArmError(this.fault);
    this.#worker.ref();
    this.#worker.postMessage(order);
    this.#memory.askOrder();
    const answer = await this.#answer();
    this.#worker.unref();
    if (!answer.ok) throw new ArmError(answer.message);
  }

  /** Closed, torque off unless it is to stay stiff. Safe to call twice. */
  async close(leave: 'limp' | 'stiff' = 'limp'): Promise<void> {
    process.off('exit', this.#abandon);
    this.#memory.askClose(leave === 'limp');
    this.#worker.ref();
    await this.#ended;
  }

  #answer(): Promise<ArmAnswer> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  #die(reason: string): void {
    this.#fault ||= reason;
    this.#hear({ ok: false, message: this.fault });
  }

  #hear(answer: ArmAnswer): void {
    this.#waiting?.(answer);
    this.#waiting = undefined;
  }
}
