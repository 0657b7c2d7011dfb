/** Why a cube was not handed over: the first thing that went wrong, told from where cube and hands were. */
import type { Vector } from '../kinematics.js';
import type { Failure } from './failure.js';
import { ObjectTrack, type Played } from './objectTrack.js';

/** Half sizes [m]; source: gym-aloha, bimanual_viperx_transfer_cube.xml (urdf/mjcf/transfer_cube.xml). */
const CUBE_HALF: Vector = [0.02, 0.02, 0.02];

export function transferCubeFailure(episode: Played): Failure {
  const cube = new ObjectTrack(episode, 0, CUBE_HALF);
  const held = cube.held('right');
  const lastStep = episode.steps - 1;
  if (!held)
    return { kind: 'cube not grasped', text: 'the right hand never lifted the cube', step: lastStep };

  let nearest = held.first;
  for (let step = held.first; step <= held.last; step++)
    if (cube.gapM(step, 'left') < cube.gapM(nearest, 'left')) nearest = step;
  const gap = `the left hand came within ${(1000 * cube.gapM(nearest, 'left')).toFixed(1)} mm of it`;
  if (held.last < lastStep) {
    const step = held.last + 1;
    return {
      kind: 'cube dropped',
      text: `the right hand lost the cube at ${(step / 50).toFixed(1)} s; ${gap}`,
      step,
    };
  }
  return { kind: 'not handed over', text: `the right hand kept the cube; ${gap}`, step: nearest };
}
