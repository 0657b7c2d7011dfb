/**
 * Transfer cube by script: the right hand takes the cube from above and holds it out, the left hand, turned on its
 * side, takes it by its other faces, and the right hand lets go and withdraws.
 */
import { ScriptedExpert, type ExpertNoise, type Script } from './scriptedExpert.js';
import type { Vector } from '../kinematics.js';

const OPEN = 1;
const CLOSED = 0;
/** How far the right hand points down [rad]. */
const PITCH = 1.2;
/**
 * A quarter turn [rad]: the left hand closes on top and bottom, the right hand on front and back. This way round, the
 * finger whose touch is rewarded is the lower one, on which the cube rests.
 */
const SIDEWAYS = -Math.PI / 2;
/** Where the cube changes hands [m]. */
const MEET: Vector = [0, 0.5, 0.25];
/** Above the cube before going down to it [m]. */
const CLEARANCE = 0.08;
/** Height of the grip point and of the lying cube's centre above the table [m]. */
const CUBE = { grip: 0.03, centre: 0.02 } as const;
/** How far the left finger tips stay behind the cube's centre, seen from the grip point [m]. */
const LEFT_REACH = 0.005;

const script: Script = ([x, y]) => {
  const above = (height: number): Vector => [x!, y!, CUBE.grip + height];
  const right = (distance: number): Vector => [
    MEET[0] + distance,
    MEET[1],
    MEET[2] + CUBE.grip - CUBE.centre,
  ];
  const left = (distance: number): Vector => [MEET[0] - LEFT_REACH - distance, MEET[1], MEET[2]];
  return {
    right: [
      { path: 'swing', steps: 75, position: above(CLEARANCE), pitch: PITCH, gripper: OPEN, slack: 1 },
      { path: 'line', steps: 40, position: above(0), pitch: PITCH, gripper: OPEN, slack: 0.3 },
      { path: 'stay', steps: 35, gripper: CLOSED },
      { path: 'line', steps: 75, position: right(0), pitch: PITCH, gripper: CLOSED, slack: 0.2 },
      { path: 'stay', steps: 70, gripper: CLOSED },
      { path: 'stay', steps: 20, gripper: OPEN },
      { path: 'line', steps: 60, position: right(0.12), pitch: PITCH, gripper: OPEN, slack: 1 },
    ],
    left: [
      { path: 'swing', steps: 100, position: left(0.12), pitch: 0, roll: SIDEWAYS, gripper: OPEN, slack: 1 },
      { path: 'stay', steps: 115, gripper: OPEN },
      { path: 'line', steps: 45, position: left(0), pitch: 0, roll: SIDEWAYS, gripper: OPEN, slack: 0.2 },
      { path: 'stay', steps: 40, gripper: CLOSED },
      { path: 'line', steps: 60, position: left(0.08), pitch: 0, roll: SIDEWAYS, gripper: CLOSED, slack: 1 },
    ],
  };
};

/** The transfer cube expert. */
export const transferCubeExpert = (noise?: ExpertNoise): ScriptedExpert => new ScriptedExpert(script, noise);
