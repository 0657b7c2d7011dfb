/**
 * Insertion by script: both hands take their object from above, bring the two ends face to face at a fixed place and
 * push the peg in until it touches the pin.
 */
import { ScriptedExpert, type ExpertNoise, type Script } from './scriptedExpert.js';
import type { Vector } from '../kinematics.js';
import type { Waypoint } from './motion.js';

/** How far the hands point down [rad]. Steeper than the 60 degrees of act-plus-plus, so that held objects droop less. */
const PITCH = 1.2;
const OPEN = 1;
const CLOSED = 0;
/** Between the ends of peg and socket when they meet [m]; far enough above the table for both hands. */
const MEET: Vector = [0, 0.5, 0.15];
/** Above an object before going down to it [m]. */
const CLEARANCE = 0.08;
/** Distance of the grip points from the meeting place [m]: face to face, and with the peg at the pin. */
const FACING = 0.1;
const INSERTED = 0.035;

/** How each object is taken: height of the grip point and of the lying object's centre above the table [m]. */
const PEG = { grip: 0.021, centre: 0.01 } as const;
const SOCKET = { grip: 0.035, centre: 0.022 } as const;

const script: Script = ([pegX, pegY, , , , , , socketX, socketY]) => ({
  left: hand(-1, socketX!, socketY!, SOCKET),
  right: hand(1, pegX!, pegY!, PEG),
});

/** `side`: on which side of the meeting place, along x, the hand works. */
function hand(side: -1 | 1, x: number, y: number, object: typeof PEG | typeof SOCKET): Waypoint[] {
  const above = (height: number): Vector => [x, y, object.grip + height];
  // Raised by how far the object hangs below the grip point, so that peg and socket share an axis.
  const away = (distance: number): Vector => [
    MEET[0] + side * distance,
    MEET[1],
    MEET[2] + object.grip - object.centre,
  ];
  return [
    { path: 'swing', steps: 75, position: above(CLEARANCE), pitch: PITCH, gripper: OPEN, slack: 1 },
    { path: 'line', steps: 40, position: above(0), pitch: PITCH, gripper: OPEN, slack: 0.3 },
    { path: 'stay', steps: 35, gripper: CLOSED },
    { path: 'line', steps: 75, position: away(FACING), pitch: PITCH, gripper: CLOSED, slack: 0.2 },
    { path: 'line', steps: 90, position: away(INSERTED), pitch: PITCH, gripper: CLOSED, slack: 0.2 },
  ];
}

/** The insertion expert. */
export const insertionExpert = (noise?: ExpertNoise): ScriptedExpert => new ScriptedExpert(script, noise);
