/**
 * The ALOHA of servos, real or emulated, as the control loop sees it: newest samples out of shared memory, goals into it.
 * Every arm has a thread of its own, and the fault of one holds all.
 */
import type { ImageSource } from '../contract/camera.js';
import { AlohadError, UnknownCameraError } from '../contract/errors.js';
import { ARM_JOINTS, newObservation, type Observation, type Robot } from '../contract/robot.js';
import type { ServoHealth } from '../contract/servoHealth.js';
import { monotonicMs } from '../realtime/monotonic.js';
import { ArmError, ArmLink, WATCHDOG_MS, type ArmOptions } from './arm/armLink.js';
import type { ArmOrder } from './arm/armMemory.js';

/** The robot was used before `connect` or after `disconnect`. */
export class NotConnectedError extends AlohadError {}

/** Positions that are older than this share of the watchdog's time (200 ms) are no ground to act on. */
const OLDEST = 0.5;

export interface AlohaRobotOptions {
  readonly backend: 'real' | 'emulated';
  /** Followers or leaders, in the order of ARMS. */
  readonly arms: readonly ArmOptions[];
  /** No cameras when absent. */
  readonly images?: ImageSource;
}

export class AlohaRobot implements Robot {
  readonly backend: 'real' | 'emulated';
  readonly #options: AlohaRobotOptions;
  readonly #observation = newObservation();
  #arms: readonly ArmLink[] | undefined;
  #step = 0;
  readonly #oldestMs: number;
  /** From the clock of all threads to this one's [ms]. */
  readonly #ofThisThread = performance.now() - monotonicMs();

  constructor(options: AlohaRobotOptions) {
    this.backend = options.backend;
    this.#options = options;
    this.#oldestMs = OLDEST * Math.min(...options.arms.map(({ watchdogMs = WATCHDOG_MS }) => watchdogMs));
  }

  get images(): ImageSource {
    return this.#options.images ?? NO_CAMERAS;
  }

  /** Throws ArmError: a port that cannot be opened, another arm than the profile's, a servo with a hardware error. */
  async connect(): Promise<void> {
    if (this.#arms) return;
    const alarm = new SharedArrayBuffer(4);
    const opening = await Promise.allSettled(this.#options.arms.map((arm) => ArmLink.open(arm, alarm)));
    const arms = opening.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    if (arms.length < opening.length) {
      await Promise.all(arms.map((arm) => arm.close()));
      const reasons = opening.flatMap((result) =>
        result.status === 'rejected'
          ? [result.reason instanceof Error ? result.reason.message : String(result.reason)]
          : [],
      );
      throw new ArmError(reasons.join('\n'));
    }
    this.#arms = arms;
  }

  /** Torque on where the arms are, watchdogs armed; when one arm cannot, none stays stiff that was not. Throws ArmError. */
  async activate(): Promise<void> {
    this.#step = 0;
    try {
      await this.#order('activate');
    } catch (error) {
      const stiff = this.#connected().filter(({ state }) => state === 'holding');
      await Promise.allSettled(stiff.map((arm) => arm.order('deactivate')));
      throw error;
    }
  }

  /** Torque off, still connected: the arms can be moved by hand. Throws ArmError. */
  async relax(): Promise<void> {
    await this.#order('release');
  }

  /** As `relax`, the grippers alone. Throws ArmError. */
  async relaxGrippers(): Promise<void> {
    await this.#order('releaseGripper');
  }

  /** Throws ArmError when an arm has failed or was not heard for too long. */
  observe(): Observation {
    const arms = this.#connected();
    const observation = this.#observation;
    const nowMs = monotonicMs();
    let oldestMs = nowMs;
    let oldest = 0;
    for (let side = 0; side < arms.length; side++) {
      const arm = arms[side]!;
      this.#requireSound(arm);
      const { position, velocity, effort, timeMs } = arm.sample();
      const from = side * ARM_JOINTS.length;
      observation.qpos.set(position, from);
      observation.qvel.set(velocity, from);
      observation.effort.set(effort, from);
      for (let joint = 0; joint < timeMs.length; joint++) {
        if (timeMs[joint]! >= oldestMs) continue;
        oldestMs = timeMs[joint]!;
        oldest = from + joint;
      }
    }
    if (nowMs - oldestMs > this.#oldestMs) {
      throw new ArmError(
        `${ARM_JOINTS[oldest % ARM_JOINTS.length]} of ${arms[Math.floor(oldest / ARM_JOINTS.length)]!.name} was last measured ` +
          `${Math.round(nowMs - oldestMs)} ms ago: its servo is silent, or the machine overloaded. The arms hold.`,
      );
    }
    observation.step = this.#step;
    // Which joint is the oldest changes, and time does not run backwards.
    observation.timeMs = Math.max(observation.timeMs, oldestMs + this.#ofThisThread);
    return observation;
  }

  health(): readonly ServoHealth[] {
    return (this.#arms ?? []).flatMap((arm) => arm.health());
  }

  /** The next step is the first of an episode. */
  countFromZero(): void {
    this.#step = 0;
  }

  command(goal: Float64Array): void {
    const arms = this.#connected();
    for (let side = 0; side < arms.length; side++) {
      this.#requireSound(arms[side]!);
      arms[side]!.put(goal, side * ARM_JOINTS.length);
    }
    for (let side = 0; side < arms.length; side++) arms[side]!.waitUntilTaken();
    this.#step++;
  }

  hold(): void {
    for (const arm of this.#arms ?? []) arm.hold();
  }

  async confirmHold(): Promise<void> {
    await this.#order('confirmHold');
  }

  async disconnect(leave: 'limp' | 'stiff' = 'limp'): Promise<void> {
    const arms = this.#arms ?? [];
    this.#arms = undefined;
    await Promise.all(arms.map((arm) => arm.close(leave)));
  }

  async #order(order: ArmOrder): Promise<void> {
    const results = await Promise.allSettled(this.#connected().map((arm) => arm.order(order)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  #requireSound(arm: ArmLink): void {
    if (arm.state === 'faulted' || arm.state === 'closed') throw new ArmError(arm.fault);
  }

  #connected(): readonly ArmLink[] {
    if (!this.#arms) throw new NotConnectedError('The robot is not connected: call connect() first.');
    return this.#arms;
  }
}

const NO_CAMERAS: ImageSource = {
  cameras: [],
  capture({ camera }) {
    throw new UnknownCameraError(`there is no camera ${camera}; this robot has none`);
  },
};
