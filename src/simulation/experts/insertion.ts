/**
 * Insertion by script: both hands take their object from above, bring the two ends face to face at a fixed place and
 * push the peg in until it touches the pin.
 */
import { ScriptedExpert, type ExpertNoise, type Script } from './scriptedExpert.js';
import type { Arm } from '../../contract/robot.js';
import type { Vector } from '../kinematics.js';
import type { Waypoint } from './motion.js';

const PITCH = Math.PI / 3;
const OPEN = 1;
const CLOSED = 0;
/** Where peg and socket meet [m]. */
const MEET: Vector = [0, 0.5, 0.15];
/** Grip point above the table when grasping [m]: finger tips just clear it. */
const GRASP_HEIGHT = 0.021;
/** Centres of the lying objects above the table [m]. */
const PEG_CENTRE = 0.01;
const SOCKET_CENTRE = 0.022;

const script: Script = (objects) => {
  const [pegX, pegY, , , , , , socketX, socketY] = objects;
  const hand = (side: -1 | 1, x: number, y: number, centre: number): Waypoint[] => {
    const at = (dx: number, dz: number): Vector => [x + dx, y, GRASP_HEIGHT + dz];
    // The object hangs below the grip point by this much: lift by it, so that peg and socket meet on one axis.
    const hang = GRASP_HEIGHT - centre;
    const meet = (distance: number): Vector => [MEET[0] + side * distance, MEET[1], MEET[2] + hang];
    return [
      { steps: 80, position: at(0, 0.08), pitch: PITCH, gripper: OPEN, path: 'swing' },
      { steps: 40, position: at(0, 0), pitch: PITCH, gripper: OPEN, path: 'line' },
      { steps: 25, position: at(0, 0), pitch: PITCH, gripper: CLOSED, path: 'line' },
      { steps: 80, position: meet(0.1), pitch: PITCH, gripper: CLOSED, path: 'line' },
      { steps: 90, position: meet(0.045), pitch: PITCH, gripper: CLOSED, path: 'line' },
    ];
  };
  return {
    left: hand(-1, socketX!, socketY!, SOCKET_CENTRE),
    right: hand(1, pegX!, pegY!, PEG_CENTRE),
  } satisfies Record<Arm, Waypoint[]>;
};

/** The insertion expert. */
export const insertionExpert = (noise?: ExpertNoise): ScriptedExpert => new ScriptedExpert(script, noise);
