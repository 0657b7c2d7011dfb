/** What an arm is made of, as its profile file says: servos, their settings, the gripper's linkage. */

/** Ticks of an encoder, as the servo reports them. */
export type Tick = number;

export interface ServoProfile {
  /** `waist`, ..., `gripper`; a shadow has the name of its leader with `_shadow`. */
  readonly name: string;
  readonly id: number;
  /** `XM540-W270`, ... */
  readonly model: string;
  /** It obeys this servo's ID, and drives the same joint from the other side. */
  readonly shadowOf?: number;
  /** Register Drive Mode: bit 0 reverse. */
  readonly driveMode: number;
  readonly minTick: Tick;
  readonly maxTick: Tick;
  /** Register Current Limit [2.69 mA], where it differs from the factory's. */
  readonly currentLimit?: number;
  /** Register Operating Mode while the arm is driven. */
  readonly operatingMode: number;
}

export interface ArmProfile {
  readonly name: string;
  readonly baudRate: number;
  /** Register Velocity Limit [0.229 rev/min]. */
  readonly velocityLimit: number;
  /** Pose in which the arm rests without torque: six joints [rad], then the gripper's joint [rad]. */
  readonly sleepPose: readonly number[];
  readonly servos: readonly ServoProfile[];
}

/** How a gripper's servo, its fingers and the number between 0 and 1 belong together. */
export interface GripperConvention {
  readonly name: string;
  /** Crank that turns with the servo, and rod from it to a finger [m]. */
  readonly hornRadiusM: number;
  readonly rodLengthM: number;
  /** Joint angle of the servo at 1 and at 0 [rad]: goals are normalised between them. */
  readonly joint: { readonly open: number; readonly close: number };
  /** Distance of one finger from the middle at 1 and at 0 [m]. */
  readonly finger: { readonly open: number; readonly close: number };
  /** What is observed and normalised: the fingers' place (followers) or the servo's angle (leaders, whose grip is a goal). */
  readonly observed: 'finger' | 'joint';
}
