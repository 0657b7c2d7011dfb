/** How a peg stands to a socket, from their poses. */
import { add, rotate, type Pose, type Vector } from '../kinematics.js';
import type { Fit } from './failure.js';

/** Half sizes and depths [m]; source: gym-aloha, bimanual_viperx_insertion.xml (urdf/mjcf/insertion.xml). */
export const PEG_HALF: Vector = [0.06, 0.01, 0.01];
export const SOCKET_HALF: Vector = [0.06, 0.022, 0.022];
/** From the socket's mouth to the pin inside. */
export const PIN_DEPTH_M = 0.02;
/** How far a level peg may be off the axis and still go in: the bore is 36 mm wide, the peg 20 mm. */
export const CLEARANCE_M = 0.008;

const UP: Vector = [0, 0, 1];

/** Peg and socket both are bars along their x axes; of their ends those that face each other count. */
export function pegFit(peg: Pose, socket: Pose): Fit {
  const socketAxis = rotate(socket.rotation, [1, 0, 0]);
  const pegAxis = rotate(peg.rotation, [1, 0, 0]);
  const away = add(peg.position, times(socket.position, -1));
  // Unit vector out of the mouth, towards the peg.
  const out = times(socketAxis, dot(away, socketAxis) < 0 ? -1 : 1);
  const cosine = dot(pegAxis, out);
  const tip = add(peg.position, times(pegAxis, cosine < 0 ? PEG_HALF[0] : -PEG_HALF[0]));
  const fromMouth = add(tip, times(add(socket.position, times(out, SOCKET_HALF[0])), -1));
  const left = unit(cross(UP, times(out, -1)));
  return {
    depthM: -dot(fromMouth, out),
    highM: dot(fromMouth, cross(left, out)),
    leftM: dot(fromMouth, left),
    tiltRad: Math.acos(Math.min(1, Math.abs(cosine))),
  };
}

const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const times = (a: Vector, s: number): Vector => [a[0] * s, a[1] * s, a[2] * s];
const cross = (a: Vector, b: Vector): Vector => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

/** A socket that stands upright has neither high nor left: any direction will do, as long as it is a number. */
const unit = (a: Vector): Vector => {
  const length = Math.hypot(...a);
  return length < 1e-9 ? [0, 1, 0] : times(a, 1 / length);
};
