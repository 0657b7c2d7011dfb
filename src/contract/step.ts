/** What the loop tells its listeners after each tick. */
import type { Observation } from './robot.js';

export interface Step {
  /** The observation that the action was decided on. Borrowed: copy what you keep. */
  readonly observation: Observation;
  /** The action as decided, before limits. Shape (14,). */
  readonly action: Float64Array;
  /** The goal as sent, after limits. Shape (14,). */
  readonly goal: Float64Array;
  /** Reward after the goal was applied; 0 where nobody judges. */
  readonly reward: number;
  /** When the tick began, `performance.now()` [ms]: what is captured later was not decided on. */
  readonly beganMs: number;
  /** How late the tick began against its deadline [ms]; 0 when running as fast as possible. */
  readonly lateMs: number;
}

/** Listens to the loop: recorder, dashboard, ROS, statistics. Must not throw or wait. */
export interface StepListener {
  onStep(step: Step): void;
}
