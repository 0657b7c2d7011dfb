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
  /** Register Homing Offset [tick], and the firmware that a calibration found. Absent: any. */
  readonly homingOffset?: number;
  readonly firmware?: number;
}

export interface ArmProfile {
  readonly name: string;
  readonly baudRate: number;
  /** Register Velocity Limit [0.229 rev/min]. */
  readonly velocityLimit: number;
  /** Pose in which the arm rests without torque: six joints [rad], then the gripper's joint [rad]. */
  readonly sleepPose: readonly number[];
  readonly servos: readonly ServoProfile[];
  /** Of which physical arm it is; absent: of any of its kind. */
  readonly calibration?: Pick<ArmCalibration, 'arm' | 'date' | 'adapter'>;
}

export interface ServoCalibration {
  readonly name: string;
  readonly id: number;
  readonly model: string;
  readonly firmware: number;
  /** Its direction: bit 0 reverse. */
  readonly driveMode: number;
  /** [tick] */
  readonly homingOffset: number;
  readonly minTick: Tick;
  readonly maxTick: Tick;
}

/** What was measured on one physical arm. X-series servos have no serial number: they are known by model and firmware. */
export interface ArmCalibration {
  /** Name of its bus: `follower_left`, ... */
  readonly arm: string;
  /** Name of its ArmProfile. */
  readonly profile: string;
  /** ISO 8601. */
  readonly date: string;
  /** Serial number of the USB adapter that the arm hangs on; absent where it has none. */
  readonly adapter?: string;
  /** Angle of the gripper's servo with the fingers at their ends [rad]. */
  readonly gripper: { readonly open: number; readonly close: number };
  readonly servos: readonly ServoCalibration[];
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
