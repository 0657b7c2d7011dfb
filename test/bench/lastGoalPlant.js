// Mechanics of emulated servos that note, for each arm, when its goals last changed: what a bus wrote, seen by the servos.
const JOINTS = 7;
/** The joints follow their goals with this time constant [ms], so that holding in motion is a change of goal. */
const LAG_MS = 60;

/** `changed`: shared memory, a number per arm: Unix time [ms] of the last change. `pose`: of one arm, at the start. */
export function createPlant({ changed, pose }) {
  const times = new Float64Array(changed);
  const position = Float64Array.from(Array.from(times).flatMap(() => pose));
  const goals = Float64Array.from(position);
  const stepMs = 1;
  return Promise.resolve({
    stepMs,
    position,
    velocity: new Float64Array(position.length),
    effort: new Float64Array(position.length),
    step(targets) {
      targets.forEach((target, joint) => {
        if (Number.isNaN(target)) return;
        if (target !== goals[joint])
          times[Math.floor(joint / JOINTS)] = performance.timeOrigin + performance.now();
        goals[joint] = target;
        position[joint] += (target - position[joint]) * (stepMs / LAG_MS);
      });
    },
    obey() {},
  });
}
