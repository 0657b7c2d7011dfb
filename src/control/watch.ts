/** Looks at limp arms: observes and tells listeners at the loop's rate, and sends nothing. */
import type { Robot } from '../contract/robot.js';
import { DOF } from '../contract/robot.js';
import type { Step, StepListener } from '../contract/step.js';
import type { Clock, StopSignal } from '../realtime/clock.js';

/** Ticks between pauses in which the thread sees messages: 40 ms. */
const BREATH_TICKS = 2;

/** Until `signal` is aborted. Throws what the robot throws. */
export async function watch(
  robot: Robot,
  clock: Clock,
  listeners: readonly StepListener[],
  signal: StopSignal,
): Promise<void> {
  const place = new Float64Array(DOF);
  clock.start();
  for (let ticks = 1; !signal.aborted; ticks++) {
    const lateMs = clock.waitForTick(signal);
    if (signal.aborted) return;
    const beganMs = performance.now();
    const observation = robot.observe();
    // Limp arms have no goal but to be where they are.
    place.set(observation.qpos);
    const step: Step = { observation, action: place, goal: place, reward: 0, beganMs, lateMs };
    for (const listener of listeners) listener.onStep(step);
    if (ticks % BREATH_TICKS === 0) await new Promise(setImmediate);
  }
}
