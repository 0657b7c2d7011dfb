/**
 * One episode at 50 Hz: observe, decide, limit and apply, tell listeners. Nothing in a tick waits or allocates.
 *
 * The loop does not know what robot it drives, who decides or who listens. Whatever fails inside a tick, the arms are
 * told to hold before the error leaves `run`.
 */
import type { EpisodeOutcome } from '../contract/episode.js';
import type { ActionSource } from '../contract/policy.js';
import type { Observation, Robot } from '../contract/robot.js';
import { DOF } from '../contract/robot.js';
import type { Step, StepListener } from '../contract/step.js';
import type { Judge } from '../contract/task.js';
import type { Clock, StopSignal } from '../realtime/clock.js';
import { TimingHistogram } from '../realtime/timingHistogram.js';
import type { TimingSummary } from '../realtime/timingHistogram.js';
import { Limits } from './limits.js';

export interface Episode {
  readonly robot: Robot;
  readonly source: ActionSource;
  readonly clock: Clock;
  /** Ticks to run. */
  readonly steps: number;
  /** Nobody judges when absent: rewards are 0. */
  readonly judge?: Judge | undefined;
  readonly listeners?: readonly StepListener[];
  readonly limits?: Limits;
  /** Goal (14,) that the robot follows already when the episode goes on from a recorded state; absent: it stands. */
  readonly goal?: Float64Array;
  /** Ends the episode early with the arms holding: Ctrl-C, an emergency stop. Looked at in every tick. */
  readonly signal?: StopSignal | undefined;
  /** Told when a listener threw and was detached. */
  readonly onListenerError?: (listener: StepListener, error: unknown) => void;
}

export interface LoopOutcome extends EpisodeOutcome {
  /** Whether the signal ended it before `steps`. */
  readonly interrupted: boolean;
  /** How late ticks began, how long their work took, and deadlines without a tick. */
  readonly timing: { readonly late: TimingSummary; readonly busy: TimingSummary; readonly missed: number };
  /** Ticks in which limits changed the goal, per joint. Shape (14,). */
  readonly clampedTicks: readonly number[];
}

/** The loop lets its thread see messages and Ctrl-C at least this often [ms]; awaiting in every tick costs more. */
const BREATH_MS = 50;

/** Robot must be active. Throws UnsafeActionError and whatever robot or source throw, after telling the arms to hold. */
export async function run(episode: Episode): Promise<LoopOutcome> {
  const { robot, source, clock, judge, signal, limits = new Limits() } = episode;
  const audience = [...(episode.listeners ?? [])];
  const late = new TimingHistogram();
  const busy = new TimingHistogram();
  const action = new Float64Array(DOF);
  const step: Mutable<Step> = {
    observation: robot.observe(),
    action,
    goal: action,
    reward: 0,
    beganMs: 0,
    lateMs: 0,
  };
  let steps = 0;
  let maxReward = 0;

  source.reset();
  limits.reset(episode.goal);
  clock.start();
  let breathedMs = performance.now();
  try {
    while (steps < episode.steps) {
      if (signal?.aborted) break;
      const lateMs = clock.waitForTick(signal);
      // Asked to stop while waiting: not one more goal is sent.
      if (signal?.aborted) break;
      const beganMs = performance.now();
      tick(beganMs, lateMs);
      const endedMs = performance.now();
      late.record(lateMs);
      busy.record(endedMs - beganMs);
      steps++;
      if (robot.hearsThread || endedMs - breathedMs > BREATH_MS) {
        await new Promise(setImmediate);
        breathedMs = performance.now();
      }
    }
  } catch (error) {
    robot.hold();
    throw error;
  }
  robot.hold();

  const interrupted = steps < episode.steps;
  return {
    steps,
    maxReward,
    finalReward: step.reward,
    success: judge !== undefined && maxReward >= judge.maxReward,
    interrupted,
    timing: { late: late.summary(), busy: busy.summary(), missed: clock.missed },
    clampedTicks: [...limits.clampedTicks],
  };

  function tick(beganMs: number, lateMs: number): void {
    const observation: Observation = robot.observe();
    const decided = source.decide(observation);
    const goal = limits.send(robot, observation, decided, clock.realTime ? performance.now() : undefined);
    step.observation = observation;
    action.set(decided ?? goal);
    step.goal = goal;
    step.reward = judge?.reward() ?? 0;
    step.beganMs = beganMs;
    step.lateMs = lateMs;
    maxReward = Math.max(maxReward, step.reward);
    tell();
  }

  function tell(): void {
    for (let index = 0; index < audience.length; index++) {
      const listener = audience[index]!;
      try {
        listener.onStep(step);
      } catch (error) {
        audience.splice(index--, 1);
        episode.onListenerError?.(listener, error);
      }
    }
  }
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
