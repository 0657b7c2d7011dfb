/** Gripper normalisation of ALOHA: 0 closed, 1 open. */

/**
 * Finger positions that count as open and closed [m]; source: tonyzhaozh/aloha constants.py
 * (PUPPET_GRIPPER_POSITION_OPEN, _CLOSE). The simulated fingers move in 0.021..0.057 only, so they reach neither.
 */
export const GRIPPER = { openM: 0.058, closedM: 0.01844 } as const;

/** Finger position at the start of an episode [m]; source: gym-aloha constants.py (START_ARM_POSE). */
export const START_FINGER_M = 0.02239;

const TRAVEL_M = GRIPPER.openM - GRIPPER.closedM;

/** Normalised opening of a finger at `position` [m]. */
export const gripperOpening = (position: number): number => (position - GRIPPER.closedM) / TRAVEL_M;

/** Opening rate [1/s] of a finger moving at `velocity` [m/s]. */
export const gripperRate = (velocity: number): number => velocity / TRAVEL_M;

/** Finger position [m] of a normalised opening. */
export const fingerPosition = (opening: number): number => GRIPPER.closedM + opening * TRAVEL_M;
