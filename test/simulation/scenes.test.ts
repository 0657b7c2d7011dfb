import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SceneError } from '#alohad/contract/errors.js';
import { ownScene } from '#alohad/simulation/sceneFiles.js';
import { sampleStartPose } from '#alohad/simulation/startPoses.js';
import { UnstableError, World } from '#alohad/simulation/world.js';

/** A copy of huggingface/gym-aloha's assets folder, where there is one. */
const PUBLIC_SCENES = process.env['ALOHAD_GYM_ALOHA_ASSETS'];

describe('scenes', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'alohad-scene-'));
    cpSync(dirname(ownScene('insertion')), folder, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const path = (name: string): string => join(folder, name);
  const edit = (name: string, from: string | RegExp, to: string): void =>
    writeFileSync(path(name), readFileSync(path(name), 'utf8').replace(from, to));
  const load = (): Promise<World> => World.load({ task: 'insertion', scene: path('insertion.xml') });
  async function complaint(): Promise<string> {
    const error: unknown = await load().catch((thrown: unknown) => thrown);
    if (error instanceof SceneError) return error.message;
    throw new Error(`no SceneError but ${String(error)}`);
  }

  it('load from anywhere, with what they include and attach', async () => {
    const world = await load();
    world.reset(sampleStartPose('insertion', 0));
    expect(world.reward()).toBe(0);
    world.dispose();
  });

  it('that do not exist are named', async () => {
    rmSync(path('insertion.xml'));
    expect(await complaint()).toContain(path('insertion.xml'));
  });

  it('that include what does not exist name both files', async () => {
    rmSync(path('vx300s.xml'));
    const message = await complaint();
    expect(message).toContain(path('vx300s.xml'));
    expect(message).toContain(path('insertion.xml'));
  });

  it('find meshes and textures in the folders that the compiler element names', async () => {
    edit('vx300s.xml', '<compiler angle="radian"/>', '<compiler angle="radian" meshdir="parts"/>');
    edit('vx300s.xml', '<mesh name="finger"', '<mesh name="extra" file="thing.stl"/><mesh name="finger"');
    expect(await complaint()).toContain(path('parts/thing.stl'));
  });

  it('that are not MJCF are refused with the reason of MuJoCo', async () => {
    edit('insertion.xml', '<body name="peg"', '<body nane="peg"');
    expect(await complaint()).toMatch(/cannot load .*insertion\.xml.*nane/s);
  });

  it('that lack joints, actuators or geoms name all of them, with every name that would do', async () => {
    edit('vx300s.xml', '<joint name="wrist_rotate"', '<joint name="wrist_turn"');
    edit('vx300s.xml', /<position name="wrist_rotate".*\n/, '');
    edit('vx300s.xml', /<position name="elbow".*\n/, '');
    edit('insertion.xml', 'name="pin"', 'name="bottom"');
    const message = await complaint();
    expect(message).toContain(
      'joint "left_wrist_rotate" or "vx300s_left/wrist_rotate" or "left/wrist_rotate"',
    );
    expect(message).toContain('joint "right_wrist_rotate"');
    expect(message).toContain('position actuator of joint "right_elbow"');
    expect(message).toContain('geom "pin"');
    expect(message).not.toContain('shoulder');
  });

  it('whose timestep does not fit the control period say which does', async () => {
    edit('scene.xml', 'timestep="0.002"', 'timestep="0.003"');
    expect(await complaint()).toContain('timestep of 0.003 s');
  });

  it('that explode are told of, not silently begun anew', async () => {
    edit('vx300s.xml', 'kp="1600"', 'kp="1e14"');
    edit('vx300s.xml', 'forcerange="-300 300"', '');
    const world = await load();
    world.reset(sampleStartPose('insertion', 0));
    const goal = new Float64Array(14);
    expect(() => {
      for (let step = 0; step < 100; step += 1) world.step(goal);
    }).toThrow(UnstableError);
    world.dispose();
  });

  it('may lack cameras: those there are can be used', async () => {
    edit('scene.xml', /<camera name="cam_low".*\n/, '');
    const world = await load();
    expect(world.cameras).toEqual(['cam_high', 'cam_left_wrist', 'cam_right_wrist']);
    world.dispose();
  });

  it.skipIf(PUBLIC_SCENES === undefined || !existsSync(PUBLIC_SCENES))(
    'of gym-aloha load unchanged, meshes included',
    async () => {
      for (const task of ['insertion', 'transfer_cube'] as const) {
        const world = await World.load({ task, scene: join(PUBLIC_SCENES!, `bimanual_viperx_${task}.xml`) });
        expect(world.cameras).toEqual(['cam_high', 'cam_low', 'cam_left_wrist', 'cam_right_wrist']);
        world.reset(sampleStartPose(task, 0));
        expect(world.reward()).toBe(0);
        world.dispose();
      }
    },
  );
});
