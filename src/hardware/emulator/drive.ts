/** The controller inside an emulated servo: from goals and gains to a duty of the motor, and back into the registers. */
import {
  ACCELERATION_UNIT,
  ADDRESS,
  CURRENT_UNIT,
  MODE,
  RADIANS_PER_TICK,
  TIME_PROFILE_BIT,
  VELOCITY_UNIT,
} from '../dynamixel/controlTable.js';
import type { ControlMemory } from './controlMemory.js';
import { isReverse, toEncoder, toReported } from './encoderFrame.js';
import type { Motor } from './motor.js';
import { Profile } from './profile.js';

/** PWM value of full duty. */
const FULL_PWM = 885;
/** Full duty at a standstill for so long is an overload [s]. The e-manual says "persistent load"; the time is ours. */
const OVERLOAD_S = 1;
/** Slower than this share of the free speed counts as a standstill. */
const STANDSTILL = 0.05;
/** Near enough to the goal to be "in position" [tick]. */
const IN_POSITION = 20;

/** Bits of Moving Status. */
const STATUS = { inPosition: 0x01, ongoing: 0x02, rectangular: 0x10, trapezoidal: 0x30 } as const;

export class Drive {
  readonly #memory: ControlMemory;
  readonly #motor: Motor;
  /** In ticks of the encoder. */
  readonly #profile = new Profile();
  #speed = Infinity;
  #acceleration = Infinity;
  #stopped = false;
  #stalledS = 0;

  constructor(memory: ControlMemory, motor: Motor) {
    this.#memory = memory;
    this.#motor = motor;
    this.reset();
  }

  /** Whether the motor has pushed against something with all it has for too long. */
  get isOverloaded(): boolean {
    return this.#stalledS > OVERLOAD_S;
  }

  /** Where the controller pulls the horn [tick of the encoder]; undefined where it does not control a position. */
  get target(): number | undefined {
    const mode = this.#memory.get(ADDRESS.operatingMode);
    const isFree = this.#memory.get(ADDRESS.torqueEnable) === 0;
    return isFree || mode === MODE.pwm || mode === MODE.current ? undefined : this.#profile.position;
  }

  /** The trajectory starts from where the horn is. */
  reset(): void {
    this.#profile.reset(this.#motor.position);
    this.#stopped = false;
    this.#stalledS = 0;
  }

  /** Stays where it is until the next goal: the bus watchdog tripped. */
  stop(): void {
    this.#stopped = true;
    this.#profile.reset(this.#motor.position);
  }

  /** A goal position was written: plans the profile. */
  newGoal(): void {
    const memory = this.#memory;
    this.#stopped = false;
    const velocity = memory.get(ADDRESS.profileVelocity);
    const acceleration = memory.get(ADDRESS.profileAcceleration);
    if (velocity === 0) {
      this.#speed = Infinity;
      this.#acceleration = Infinity;
    } else if ((memory.get(ADDRESS.driveMode) & TIME_PROFILE_BIT) !== 0) {
      const spanS = velocity / 1000;
      const rampS = Math.min(acceleration / 1000, spanS / 2);
      const distance = Math.abs(toEncoder(memory, memory.get(ADDRESS.goalPosition)) - this.#profile.position);
      this.#speed = distance / (spanS - rampS);
      this.#acceleration = rampS === 0 ? Infinity : this.#speed / rampS;
    } else {
      this.#speed = (velocity * VELOCITY_UNIT) / RADIANS_PER_TICK;
      this.#acceleration =
        acceleration === 0 ? Infinity : (acceleration * ACCELERATION_UNIT) / RADIANS_PER_TICK;
    }
  }

  /** One step of `dt` [s]. */
  step(dt: number): void {
    const memory = this.#memory;
    if (memory.get(ADDRESS.torqueEnable) === 0) {
      this.#motor.step(undefined, Infinity, dt);
      this.#profile.reset(this.#motor.position);
      this.#stalledS = 0;
      return;
    }
    const most = memory.get(ADDRESS.goalPwm) / FULL_PWM;
    const mode = memory.get(ADDRESS.operatingMode);
    const sign = isReverse(memory) ? -1 : 1;
    let duty: number;
    let currentLimit = Infinity;
    if (this.#stopped && mode !== MODE.currentBasedPosition) duty = this.#towards(this.#profile.position);
    else if (mode === MODE.pwm) duty = sign * most;
    else if (mode === MODE.current) {
      const goal = sign * memory.get(ADDRESS.goalCurrent) * CURRENT_UNIT;
      currentLimit = Math.abs(goal);
      duty = Math.sign(goal);
    } else if (mode === MODE.velocity) duty = this.#followVelocity(sign, dt);
    else {
      if (mode === MODE.currentBasedPosition) {
        currentLimit = Math.abs(memory.get(ADDRESS.goalCurrent)) * CURRENT_UNIT;
      }
      if (!this.#stopped) this.#followPosition(dt);
      duty = this.#towards(this.#profile.position);
    }
    const ceiling = mode === MODE.pwm ? 1 : Math.abs(most);
    this.#motor.step(Math.min(Math.max(duty, -ceiling), ceiling), currentLimit, dt);
    const stalled =
      Math.abs(this.#motor.duty) >= 0.99 &&
      currentLimit === Infinity &&
      Math.abs(this.#motor.velocity) < STANDSTILL * memory.model.freeSpeedRadPerS;
    this.#stalledS = stalled ? this.#stalledS + dt : 0;
  }

  /** Puts what can be measured into the registers. */
  show(): void {
    const memory = this.#memory;
    const motor = this.#motor;
    const sign = isReverse(memory) ? -1 : 1;
    const velocity = Math.round((sign * motor.velocity) / VELOCITY_UNIT);
    memory.set(ADDRESS.presentPosition, Math.round(toReported(memory, motor.position)));
    memory.set(ADDRESS.presentVelocity, velocity);
    memory.set(ADDRESS.presentPwm, Math.round(sign * motor.duty * FULL_PWM));
    memory.set(ADDRESS.presentTemperature, Math.round(motor.temperature));
    const amperes = sign * motor.current;
    memory.set(
      ADDRESS.presentCurrent,
      Math.round(
        memory.model.hasCurrent ? amperes / CURRENT_UNIT : (1000 * amperes) / memory.model.stallCurrentA,
      ),
    );
    memory.set(ADDRESS.positionTrajectory, Math.round(toReported(memory, this.#profile.position)));
    memory.set(
      ADDRESS.velocityTrajectory,
      Math.round((sign * this.#profile.velocity * RADIANS_PER_TICK) / VELOCITY_UNIT),
    );
    memory.set(ADDRESS.moving, Math.abs(velocity) > memory.get(ADDRESS.movingThreshold) ? 1 : 0);
    memory.set(ADDRESS.movingStatus, this.#status());
  }

  #status(): number {
    const memory = this.#memory;
    const goal = toEncoder(memory, memory.get(ADDRESS.goalPosition));
    const shape =
      this.#speed === Infinity
        ? 0
        : this.#acceleration === Infinity
          ? STATUS.rectangular
          : STATUS.trapezoidal;
    return (
      shape |
      (Math.abs(goal - this.#motor.position) <= IN_POSITION ? STATUS.inPosition : 0) |
      (Math.abs(goal - this.#profile.position) > 0.5 ? STATUS.ongoing : 0)
    );
  }

  #followPosition(dt: number): void {
    const goal = toEncoder(this.#memory, this.#memory.get(ADDRESS.goalPosition));
    this.#profile.step(goal, this.#speed, this.#acceleration, dt);
  }

  #followVelocity(sign: number, dt: number): number {
    const memory = this.#memory;
    const perTick = VELOCITY_UNIT / RADIANS_PER_TICK;
    const acceleration = memory.get(ADDRESS.profileAcceleration);
    this.#profile.stepVelocity(
      sign * memory.get(ADDRESS.goalVelocity) * perTick,
      acceleration === 0 ? Infinity : (acceleration * ACCELERATION_UNIT) / RADIANS_PER_TICK,
      dt,
    );
    // An integrating controller: the horn follows the integral of the velocity, within reach.
    const lead = this.#profile.position - this.#motor.position;
    const reach = FULL_PWM / this.#gain();
    this.#profile.position = this.#motor.position + Math.min(Math.max(lead, -reach), reach);
    return this.#towards(this.#profile.position);
  }

  /** Proportional control; duty per tick by the conversion of the e-manual, Position P Gain (84). */
  #towards(target: number): number {
    return ((target - this.#motor.position) * this.#gain()) / FULL_PWM;
  }

  #gain(): number {
    return Math.max(this.#memory.get(ADDRESS.positionPGain), 1) / 128;
  }
}
