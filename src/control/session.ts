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
import type { Clock, StopSignal } from '../realtime/clock.js';
import { Alignment } from './align.js';
import { GuardedSource } from './guardedSource.js';
import type { Limits } from './limits.js';
import { run, type LoopOutcome } from './loop.js';
import { Modes, type Mode, type MovingMode } from './modes.js';
import { watch } from './watch.js';

/** A robot answered something that cannot be before it was allowed to move. */
export class PreflightError extends AlohadError {}

export interface SessionOptions {
  readonly robot: Robot;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Told of every tick, moving or not. */
  readonly listeners: readonly StepListener[];
  /** Emergency stop: once it is aborted nothing moves, until it is not and `reset` was called. */
  readonly stop: StopSignal;
  /** Told, after an emergency stop, what the motors answered when asked whether they hold: undefined when they do. */
  readonly onStopped?: (failure: unknown) => void;
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

  /** The goal in force: (14,). A copy. */
  get goal(): Float64Array {
    return this.#goal.slice();
  }

  /** Opens the robot, limp, and looks whether what it says can be. Throws PreflightError and what the robot throws. */
  async connect(): Promise<void> {
    await this.#modes.connect(() => {
      this.#preflight();
    });
  }

  /** Whether an emergency stop is in force. */
  get stopped(): boolean {
    return this.#options.stop.aborted || this.mode === 'stopped';
  }

  /** A person has looked at the arms: the emergency stop, which is off by now, is forgotten. */
  reset(): void {
    if (!this.#options.stop.aborted) this.#modes.reset();
  }

  /** Torque on, at the present position. Nothing is done when the arms hold already. Throws ModeError when stopped. */
  async activate(): Promise<void> {
    await this.#obeyStop();
    if (this.mode === 'holding') return;
    this.#preflight();
    await this.#modes.activate();
    this.#goal.set(this.#options.robot.observe().qpos);
  }

  /** Holds, or watches arms that are limp or stopped, until `signal` is aborted. */
  async stand(signal: StopSignal): Promise<void> {
    const { robot, clock, listeners, stop } = this.#options;
    while (!signal.aborted) {
      await this.#obeyStop();
      const { mode, faulted } = this.#modes;
      const until = mode === 'stopped' ? signal : anyOf(stop, signal);
      try {
        if ((mode === 'limp' || mode === 'stopped') && !faulted) await watch(robot, clock, listeners, until);
        else if (mode === 'holding')
          await this.#run({ source: STILL, steps: Infinity, signal: until, goal: this.#goal });
        else while (!until.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
      } catch (error) {
        this.#modes.fault();
        throw error;
      }
    }
  }

  /** A slow ramp to `pose`, shape (14,). Returns whether it got there, or was stopped. */
  async align(pose: Float64Array, signal: StopSignal): Promise<boolean> {
    return await this.#ramp('aligning', pose, signal);
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
    if (this.mode === 'parked') return true;
    if (this.mode !== 'holding' || this.stopped) return false;
    try {
      return await this.#ramp('parking', REST_POSE, this.#options.stop);
    } catch {
      return false; // They hold now, where they are.
    }
  }

  /**
   * Closes everything; returns whether the arms were left with torque, which goes off when they are parked or a person
   * `told` so. Safe at any time.
   */
  async release(told = false): Promise<boolean> {
    return await this.#modes.disconnect(told);
  }

  /** Parks, then releases. Safe at any time. */
  async disconnect(told = false): Promise<boolean> {
    await this.park();
    return await this.release(told);
  }

  /** The mode follows the emergency stop, and the motors are asked whether they hold. */
  async #obeyStop(): Promise<void> {
    const { stop, robot, onStopped } = this.#options;
    if (!stop.aborted || this.mode === 'stopped' || this.mode === 'disconnected') return;
    this.#modes.stop();
    let failure: unknown;
    try {
      if (this.#modes.stiff) await robot.confirmHold?.();
    } catch (error) {
      failure = error;
    }
    onStopped?.(failure);
  }

  async #ramp(mode: 'aligning' | 'parking', pose: Float64Array, signal: StopSignal): Promise<boolean> {
    await this.#obeyStop();
    if (this.stopped) return false;
    const source = new Alignment(this.#goal, pose);
    const outcome = await this.#moving(mode, { source, steps: source.steps, signal, goal: this.#goal });
    return !outcome.interrupted;
  }

  async #moving(mode: MovingMode, episode: SessionEpisode): Promise<LoopOutcome> {
    await this.#obeyStop();
    const outcome = await this.#modes.during(
      mode,
      async () => {
        const played = await this.#run({ ...episode, signal: anyOf(this.#options.stop, episode.signal) });
        await this.#obeyStop();
        return played;
      },
      ({ interrupted }) => !interrupted,
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
