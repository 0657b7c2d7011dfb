/** How the ALOHA stack tells grippers: positions of the fingers [m] in joint_states, the motor's angle [rad] in commands. */

/** Finger positions, open and closed [m]; source: tonyzhaozh/aloha constants.py (PUPPET_GRIPPER_POSITION_*). */
const FINGER = { open: 0.058, closed: 0.01844 } as const;
/** Motor angles, open and closed [rad]; source: tonyzhaozh/aloha constants.py (PUPPET_GRIPPER_JOINT_*). */
const MOTOR = { open: 1.491, closed: -0.6213 } as const;

/** Distance that the finger goes from closed to open [m]. */
export const FINGER_TRAVEL_M = FINGER.open - FINGER.closed;
/** Finger position [m] of a normalised opening. */
export const fingerOf = (opening: number): number => FINGER.closed + opening * FINGER_TRAVEL_M;
/** Normalised opening of a finger position [m]. */
export const openingOf = (fingerM: number): number => (fingerM - FINGER.closed) / FINGER_TRAVEL_M;
/** Motor angle [rad] of a normalised opening. */
export const motorOf = (opening: number): number => MOTOR.closed + opening * (MOTOR.open - MOTOR.closed);
/** Motor's turning rate [rad/s] of an opening rate [1/s]. */
export const motorRateOf = (openingRate: number): number => openingRate * (MOTOR.open - MOTOR.closed);
