/**
 * How teleoperation begins, as ALOHA's users know it: all arms go to the start pose and are stiff there, leaders' hands
 * become loose, and when both are closed the leaders become limp and lead. Source: tonyzhaozh/aloha
 * record_episodes.py (opening_ceremony).
 */
import { ARM_START_POSE, ARMS, ARM_JOINTS, CONTROL_PERIOD_S, DOF, type Robot } from '../contract/robot.js';
import type { Clock, StopSignal } from '../realtime/clock.js';
import { Alignment } from './align.js';
import { LEADER_LIMITS, Limits } from './limits.js';
import { run } from './loop.js';

/** Leaders: a robot whose hands, and whose arms, can be made loose while it stays connected. */
export interface Leaders extends Robot {
  relax(): Promise<void>;
  relaxGrippers(): Promise<void>;
}

/** Leaders' hands are half open while nobody holds them, so that closing them is a deliberate act. */
const HALF_OPEN = 0.5;
/**
 * Openings at which a hand counts as closed; source: aloha record_episodes.py, -0.3 rad between -0.6842 (closed) and
 * 0.3083 rad (open).
 */
const CLOSED = 0.387;

const GRIPPER = ARM_JOINTS.length - 1;

/** Where leaders lie: (14,); source: Interbotix wx250s.yaml (sleep_positions). */
const SLEEP_POSE = Float64Array.from(ARMS.flatMap(() => [0, -1.8, 1.55, 0, 0.8, 0, 0]));

/** Where all arms wait: (14,). */
export const START_POSE: Float64Array = Float64Array.from(ARMS.flatMap(() => ARM_START_POSE));

/** Slowly brings the leaders to the start pose, stiff, their hands loose in the end. Returns whether it got there. */
export async function readyLeaders(leaders: Leaders, clock: Clock, signal: StopSignal): Promise<boolean> {
  await leaders.activate();
  const pose = START_POSE.slice();
  ARMS.forEach((_, side) => (pose[side * ARM_JOINTS.length + GRIPPER] = HALF_OPEN));
  if (!(await move(leaders, pose, clock, signal))) return false;
  await leaders.relaxGrippers();
  return true;
}

/** Slowly to where leaders lie without torque. Safe after any end of teleoperation. */
export async function parkLeaders(leaders: Leaders, clock: Clock): Promise<void> {
  await move(leaders, SLEEP_POSE, clock);
}

/** A slow ramp of stiff leaders; false when `signal` stopped it. */
async function move(
  leaders: Leaders,
  pose: Float64Array,
  clock: Clock,
  signal?: StopSignal,
): Promise<boolean> {
  const source = new Alignment(leaders.observe().qpos, pose);
  const limits = new Limits(LEADER_LIMITS, CONTROL_PERIOD_S);
  const { interrupted } = await run({ robot: leaders, source, clock, limits, steps: source.steps, signal });
  return !interrupted;
}

/** Whether both hands are closed: the operator wants to begin. */
export function handsClosed({ qpos }: { readonly qpos: Float64Array }): boolean {
  for (let joint = GRIPPER; joint < DOF; joint += ARM_JOINTS.length) {
    if (qpos[joint]! > CLOSED) return false;
  }
  return true;
}
