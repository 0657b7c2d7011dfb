/**
 * One robot over many episodes, from connecting to disconnecting. Between episodes the arms hold, at the loop's rate,
 * and every move to the place where an episode begins is a slow ramp.
 *
 * It is not a scheduler: it does one thing at a time, for one caller, who decides what comes next.
 */
import { AlohadError } from '../contract/errors.js';
import type { ActionSource } from '../contract/policy.js';
import { ARMS, DOF, JOINT_NAMES, isGripper, type Robot } from '../contract/robot.js';
import type { Step, StepListener } from '../contract/step.js';
import type { Judge } from '../contract/task.js';
import type { Clock } from '../realtime/clock.js';
import { Alignment } from './align.js';
import { GuardedSource } from './guardedSource.js';
import type { Limits } from './limits.js';
import { run, type LoopOutcome, type StopSignal } from './loop.js';
import { Modes, type Mode } from './modes.js';
import { watch } from './watch.js';

/** A robot answered something that cannot be before it was allowed to move. */
export class PreflightError extends AlohadError {}

export interface SessionOptions {
  readonly robot: Robot;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Told of every tick, moving or not. */
  readonly listeners: readonly StepListener[];
  /** Emergency stop: while it is aborted nothing moves. */
  readonly stop: StopSignal;
  readonly onMode: (mode: Mode) => void;
  readonly onListenerError?: (listener: StepListener, error: unknown) => void;
}

export interface SessionEpisode {
  readonly source: ActionSource;
  readonly steps: number;
  readonly judge?: Judge | undefined;
  /** Of this episode; the session's when absent. */
  readonly clock?: Clock;
  /** Goal (14,) that the arms follow already; absent: they stand. */
  readonly goal?: Float64Array;
  /** Told of this episode's ticks, besides the session's listeners. */
  readonly listeners?: readonly StepListener[];
  /** Ends the episode early. */
  readonly signal: StopSignal;
}

/** Where arms lie before torque goes off, so that they do not fall; source: Interbotix vx300s.yaml (sleep_positions). */
const ARM_REST_POSE = [0, -1.85, 1.55, 0, 0.8, 0, 0] as const;
const REST_POSE = Float64Array.from(ARMS.flatMap(() => ARM_REST_POSE));

/** Decides nothing: the last goal is sent again. */
const STILL: ActionSource = {
  name: 'hold',
  reset: () => {},
  decide: () => undefined,
  close: async () => {},
};

export class ControlSession {
  readonly #options: SessionOptions;
  readonly #modes: Modes;
  /** The goal in force, also while holding: (14,). Holding again and again must not let the arms sag. */
  readonly #goal = new Float64Array(DOF);
  readonly #goalKeeper: StepListener = {
    onStep: ({ goal }: Step): void => {
      this.#goal.set(goal);
    },
  };

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#modes = new Modes(options.robot, options.onMode);
  }

  get mode(): Mode {
    return this.#modes.mode;
  }

  /** Opens the robot, limp, and looks whether what it says can be. Throws PreflightError and what the robot throws. */
  async connect(): Promise<void> {
    await this.#modes.connect();
    try {
      this.#preflight();
    } catch (error) {
      await this.#modes.disconnect();
      throw error;
    }
  }

  /** Torque on, at the present position. Nothing is done when the arms hold already. */
  async activate(): Promise<void> {
    if (this.mode === 'holding') return;
    this.#preflight();
    await this.#modes.activate();
    this.#goal.set(this.#options.robot.observe().qpos);
  }

  /** Holds, or watches limp arms, until `signal` is aborted. */
  async stand(signal: StopSignal): Promise<void> {
    const { robot, clock, listeners } = this.#options;
    try {
      if (this.mode === 'limp') await watch(robot, clock, listeners, signal);
      else if (this.mode === 'holding')
        await this.#run({ source: STILL, steps: Infinity, signal, goal: this.#goal });
      else while (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
    } catch (error) {
      this.#modes.fault();
      throw error;
    }
  }

  /** A slow ramp to `pose`, shape (14,). Returns whether it got there, or was stopped. */
  async align(pose: Float64Array, signal: StopSignal): Promise<boolean> {
    const ramp = new Alignment(this.#goal, pose);
    const outcome = await this.#moving('aligning', {
      source: ramp,
      steps: ramp.steps,
      signal,
      goal: this.#goal,
    });
    return !outcome.interrupted;
  }

  /**
   * Runs an episode from where the arms are. A source that fails ends it with the arms holding, and its error is thrown;
   * UnsafeActionError and errors of the robot are faults.
   */
  async episode(episode: SessionEpisode): Promise<LoopOutcome> {
    const source = new GuardedSource(episode.source);
    const signal = anyOf(source, episode.signal);
    const outcome = await this.#moving('active', { ...episode, source, signal });
    if (source.aborted) throw source.failure;
    return outcome;
  }

  /** Slowly to the rest pose; returns whether the arms got there. Arms in a fault are not moved. Safe at any time. */
  async park(): Promise<boolean> {
    const { stop } = this.#options;
    if (this.mode !== 'holding' || stop.aborted) return false;
    try {
      return await this.align(REST_POSE, stop);
    } catch {
      return false; // They hold now; torque goes off where they are.
    }
  }

  /** Torque off where the arms are, and everything closed. Safe at any time. */
  async release(): Promise<void> {
    await this.#modes.disconnect();
  }

  /** Parks, then releases. Safe at any time. */
  async disconnect(): Promise<void> {
    await this.park();
    await this.release();
  }

  async #moving(mode: 'aligning' | 'active', episode: SessionEpisode): Promise<LoopOutcome> {
    const outcome = await this.#modes.during(mode, () =>
      this.#run({ ...episode, signal: anyOf(this.#options.stop, episode.signal) }),
    );
    // Where they are now is where they stay; a gripper goes on pressing what it holds.
    const { qpos } = this.#options.robot.observe();
    for (let joint = 0; joint < DOF; joint++) {
      if (!isGripper(joint)) this.#goal[joint] = qpos[joint]!;
    }
    return outcome;
  }

  async #run(episode: SessionEpisode): Promise<LoopOutcome> {
    const { robot, limits, listeners, onListenerError } = this.#options;
    return await run({
      robot,
      clock: episode.clock ?? this.#options.clock,
      limits,
      source: episode.source,
      steps: episode.steps,
      judge: episode.judge,
      listeners: [this.#goalKeeper, ...listeners, ...(episode.listeners ?? [])],
      signal: episode.signal,
      ...(episode.goal && { goal: episode.goal.slice() }),
      ...(onListenerError && { onListenerError }),
    });
  }

  #preflight(): void {
    const { qpos } = this.#options.robot.observe();
    const wrong = qpos.findIndex((position) => !Number.isFinite(position));
    if (wrong >= 0) {
      throw new PreflightError(
        `${JOINT_NAMES[wrong]} is at ${qpos[wrong]}: the arms stay without torque. Check the servo and its cable`,
      );
    }
  }
}

/** Aborted as soon as one of them is. */
export function anyOf(...signals: readonly StopSignal[]): StopSignal {
  return {
    get aborted() {
      return signals.some(({ aborted }) => aborted);
    },
  };
}
