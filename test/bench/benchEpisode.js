/** What the benches that record say of their episodes. */
import { CAMERAS } from '../../dist/contract/camera.js';

export const BENCH_EPISODE = {
  task: 'insertion',
  backend: 'emulated',
  source: 'bench',
  seed: 0,
  startObjects: [],
  softwareVersion: 'bench',
  gripper: {},
  cameras: CAMERAS,
  extra: {},
};
