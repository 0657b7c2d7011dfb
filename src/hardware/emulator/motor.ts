/**
 * The motor, gear and thermometer of an emulated servo: a DC motor with back-EMF against a load.
 *
 * torque = stall torque x (duty - speed / free speed). Stall torque, stall current and free speed are those of the
 * e-manual at 12 V; inertia, friction and heating are round numbers of the right size, not measurements.
 */
import type { Model } from '../dynamixel/models.js';
import { RADIANS_PER_TICK } from '../dynamixel/controlTable.js';

/** Time in which an unloaded motor comes to speed [s]. */
const TIME_CONSTANT_S = 0.02;
/** Friction of the gear, as a share of the stall torque: what keeps a limp joint from falling at once. */
const FRICTION = 0.03;
/** Warming at stall current [degC/s], and time constant of cooling [s]. */
const STALL_HEATING = 1;
const COOLING_S = 300;
const AMBIENT_DEGC = 25;

/** What lies outside of the servo. Positions in ticks of the encoder, torques in N m, both in the motor's own sense. */
export interface Surroundings {
  /** Torque that the load exerts on the horn at this position (gravity) [N m]. */
  load: (position: number) => number;
  /** Someone holds the joint here; undefined: nobody does. */
  hand: number | undefined;
  /** The joint cannot move out of this range. */
  stops: readonly [min: number, max: number];
}

export class Motor {
  /** Where the encoder is [tick], over all turns; not reversed, without offset. */
  position: number;
  /** [rad/s] */
  velocity = 0;
  /** Share of the supply voltage at the motor, -1 to 1. */
  duty = 0;
  /** [A], with the sign of the torque. */
  current = 0;
  temperature = AMBIENT_DEGC;
  readonly #model: Model;
  readonly #surroundings: Surroundings;

  constructor(model: Model, position: number, surroundings: Surroundings) {
    this.#model = model;
    this.position = position;
    this.#surroundings = surroundings;
  }

  /**
   * One step of `dt` [s].
   * @param duty what the controller asks for, -1 to 1; undefined: torque off, the motor is open
   * @param currentLimit [A], for the modes that limit it
   */
  step(duty: number | undefined, currentLimit: number, dt: number): void {
    const { stallTorqueNm, stallCurrentA, freeSpeedRadPerS } = this.#model;
    const inertia = (TIME_CONSTANT_S * stallTorqueNm) / freeSpeedRadPerS;
    const damping = stallTorqueNm / freeSpeedRadPerS;
    const load = this.#surroundings.load(this.position);
    const friction = FRICTION * stallTorqueNm;

    this.duty = duty ?? 0;
    let drive = 0;
    let back = 0;
    if (duty !== undefined) {
      drive = stallTorqueNm * duty;
      back = damping;
      const limit = (currentLimit / stallCurrentA) * stallTorqueNm;
      const torque = drive - damping * this.velocity;
      if (Math.abs(torque) > limit) {
        drive = Math.sign(torque) * limit;
        back = 0;
      }
    }
    // Implicit in the velocity: stable at any step.
    const free = (this.velocity * inertia + (drive + load) * dt) / (inertia + back * dt);
    const slowed = Math.max(0, Math.abs(free) - (friction / inertia) * dt);
    this.velocity = Math.sign(free) * slowed;
    this.#move(dt);

    this.current = duty === undefined ? 0 : ((drive - back * this.velocity) / stallTorqueNm) * stallCurrentA;
    const heating = STALL_HEATING * (this.current / stallCurrentA) ** 2;
    this.temperature += (heating - (this.temperature - AMBIENT_DEGC) / COOLING_S) * dt;
  }

  #move(dt: number): void {
    const { hand, stops } = this.#surroundings;
    const next = this.position + (this.velocity * dt) / RADIANS_PER_TICK;
    const stopped = hand ?? Math.min(Math.max(next, stops[0]), stops[1]);
    if (stopped !== next) this.velocity = 0;
    this.position = stopped;
  }
}

/** Below full duty, which would be an overload after a while. */
const MOST_CARRIED_DUTY = 0.95;

/**
 * A motor whose joint another simulator moves; see plant.ts. It pulls there with a strength, stiffness and damping that
 * are not the servo's (our scene's waist takes 15 N m of damping alone), so a joint that is held off its goal is no
 * overload here and nothing heats; faults on demand are.
 */
export class CarriedMotor extends Motor {
  override step(duty: number | undefined): void {
    this.duty = Math.min(Math.max(duty ?? 0, -MOST_CARRIED_DUTY), MOST_CARRIED_DUTY);
    if (duty === undefined) this.current = 0;
  }
}
