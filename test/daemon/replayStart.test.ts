import { expect, it } from 'vitest';
import { defaultRig } from '#alohad/config/rig.js';
import { replayStart } from '#alohad/daemon/backends.js';
import { UsageError } from '#alohad/contract/errors.js';
import type { EpisodeInfo } from '#alohad/contract/episode.js';

/** As arms in a room record it: nobody knows where the objects lay. */
const RECORDED: EpisodeInfo = {
  task: 'insertion',
  backend: 'real',
  source: 'teleop',
  seed: 7,
  startObjects: [],
  softwareVersion: '',
  gripper: {},
  cameras: [],
  extra: {},
};

it('replays what was recorded in a room on arms in a room, not in a world that would lack its objects', () => {
  for (const backend of ['real', 'ros'] as const)
    expect(replayStart('take.mcap', RECORDED, { ...defaultRig(), backend })).toEqual({
      seed: 7,
      objects: new Float64Array(0),
    });
  for (const backend of ['sim', 'emulated'] as const)
    expect(() => replayStart('take.mcap', RECORDED, { ...defaultRig(), backend })).toThrow(UsageError);
  const known = { ...RECORDED, startObjects: [0.1, 0.5, 0.05, 1, 0, 0, 0] };
  expect(replayStart('take.mcap', known, defaultRig()).objects).toEqual(
    Float64Array.from(known.startObjects),
  );
});
