/** How one servo of a robot is, for people and monitoring: read at a low rate beside the control cycle. */
export interface ServoHealth {
  /** Name of its bus: `follower_left`, ... */
  readonly arm: string;
  readonly id: number;
  /** `waist`, ..., `gripper`; a shadow has the name of its leader with `_shadow`. */
  readonly joint: string;
  /** [degC] and [V]; null before the first reading. */
  readonly temperatureC: number | null;
  readonly voltageV: number | null;
  /** Signed share of the stall current, -1 to 1; null for a shadow, which is not asked every cycle. */
  readonly effort: number | null;
  /** Hardware errors in words; '': none. */
  readonly error: string;
  /** Since the robot was connected: answers that did not come in time, damaged answers, questions asked again. */
  readonly timeouts: number;
  readonly crcErrors: number;
  readonly retries: number;
}
