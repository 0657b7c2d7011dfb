/**
 * The trajectory that a servo makes of its goal: a velocity trapezoid that is planned anew in every step, so that a
 * new goal takes over from the present velocity. Source of the rules: e-manual, Profile Velocity (112).
 */
export class Profile {
  /** Where the trajectory is [tick], how fast it moves [tick/s]. */
  position = 0;
  velocity = 0;

  /** Puts the trajectory at rest somewhere. */
  reset(position: number): void {
    this.position = position;
    this.velocity = 0;
  }

  /**
   * One step of `dt` [s] towards `goal` [tick].
   * @param speed fastest velocity [tick/s], Infinity: none, a step instruction
   * @param acceleration [tick/s^2], Infinity: a rectangle
   */
  step(goal: number, speed: number, acceleration: number, dt: number): void {
    const distance = goal - this.position;
    if (speed === Infinity) {
      this.position = goal;
      this.velocity = 0;
      return;
    }
    const reach = Math.abs(distance) / dt;
    if (acceleration === Infinity) {
      this.velocity = Math.sign(distance) * Math.min(speed, reach);
    } else {
      const stoppable = Math.sqrt(2 * acceleration * Math.abs(distance));
      const wanted = Math.sign(distance) * Math.min(speed, stoppable, reach);
      const change = acceleration * dt;
      this.velocity += Math.min(Math.max(wanted - this.velocity, -change), change);
    }
    this.position += this.velocity * dt;
  }

  /** One step of `dt` [s] towards a velocity [tick/s]. */
  stepVelocity(goal: number, acceleration: number, dt: number): void {
    const change = acceleration === Infinity ? Infinity : acceleration * dt;
    this.velocity += Math.min(Math.max(goal - this.velocity, -change), change);
    this.position += this.velocity * dt;
  }
}
