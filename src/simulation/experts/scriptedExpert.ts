/** A task's script as an ActionSource: plans at the first tick from where the objects lie, then follows the plan. */
import { UnavailableError } from '../../contract/apiErrors.js';
import { Random } from '../../contract/random.js';
import { DOF, type Arm, type Observation } from '../../contract/robot.js';
import { EPISODE_STEPS } from '../../contract/task.js';
import { planMotion, type Waypoint } from './motion.js';
import type { ActionSource } from '../../contract/policy.js';

/** Diversity of demonstrations. All zero: the same motion for the same start pose. */
export interface ExpertNoise {
  /** Distinguishes runs from the same start pose. */
  readonly seed: number;
  /** Largest shift of a waypoint in free space in each direction [m]; near objects the script allows a part of it. */
  readonly positionM: number;
  /** Largest change of a segment's duration, as a fraction. */
  readonly timing: number;
}

export const NO_NOISE: ExpertNoise = { seed: 0, positionM: 0, timing: 0 };

/** The waypoints of a task for given object poses (7 numbers each). */
export type Script = (objects: Float64Array) => Readonly<Record<Arm, readonly Waypoint[]>>;

export class ScriptedExpert implements ActionSource {
  readonly name = 'script';
  readonly #script: Script;
  readonly #noise: ExpertNoise;
  #plan: Float64Array | undefined;
  #firstStep = 0;

  constructor(script: Script, noise: ExpertNoise = NO_NOISE) {
    this.#script = script;
    this.#noise = noise;
  }

  reset(): void {
    this.#plan = undefined;
  }

  /**
   * Throws UnavailableError where nobody knows where the objects are, UnreachableError when they lie where the arms
   * cannot get at them.
   */
  decide(observation: Observation): Float64Array | undefined {
    if (!this.#plan) {
      if (observation.environmentState.length === 0)
        throw new UnavailableError(
          'the scripted expert has to know where the objects are, and this robot does not: it acts on --backend sim, ' +
            'or emulated where alohad starts the emulator itself. Choose another --policy',
        );
      this.#plan = planMotion(this.#vary(observation.environmentState), EPISODE_STEPS);
      this.#firstStep = observation.step;
    }
    const row = observation.step - this.#firstStep;
    return row < EPISODE_STEPS ? this.#plan.subarray(row * DOF, (row + 1) * DOF) : undefined;
  }

  async close(): Promise<void> {}

  #vary(objects: Float64Array): Readonly<Record<Arm, readonly Waypoint[]>> {
    const script = this.#script(objects);
    const { seed, positionM, timing } = this.#noise;
    // Named by the start pose: the same episode gets the same noise whoever runs it and in whatever order.
    const random = new Random(seed, `expert noise at ${objects.join(' ')}`);
    const shift = (x: number, slack: number): number => x + random.uniform(-positionM, positionM) * slack;
    const vary = (leg: Waypoint): Waypoint => {
      const steps = Math.round(leg.steps * (1 + random.uniform(-timing, timing)));
      if (leg.path === 'stay') return { ...leg, steps };
      const [x, y, z] = leg.position;
      const { slack } = leg;
      return { ...leg, steps, position: [shift(x, slack), shift(y, slack), shift(z, slack)] };
    };
    return { left: script.left.map(vary), right: script.right.map(vary) };
  }
}
