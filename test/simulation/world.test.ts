import { afterEach, describe, expect, it } from 'vitest';
import { SceneError, UnknownCameraError, UnknownTaskError } from '#alohad/contract/errors.js';
import { CAMERAS } from '#alohad/contract/camera.js';
import { ARM_START_POSE, DOF } from '#alohad/contract/robot.js';
import { TASKS, type TaskName } from '#alohad/contract/task.js';
import { sampleStartPose } from '#alohad/simulation/startPoses.js';
import { World } from '#alohad/simulation/world.js';

const START = sampleStartPose('insertion', 7);

/** A wave of all joints that keeps arms and fingers moving, (14,). */
const waving = (step: number): Float64Array =>
  Float64Array.from({ length: DOF }, (_, i) => ARM_START_POSE[i % 7]! + 0.2 * Math.sin(step / 10 + i));

describe('world', () => {
  const worlds: World[] = [];
  afterEach(() => {
    for (const world of worlds.splice(0)) world.dispose();
  });
  async function load(task: TaskName = 'insertion'): Promise<World> {
    const world = await World.load({ task });
    worlds.push(world);
    return world;
  }

  function run(world: World, from: number, steps: number): Float64Array {
    for (let step = from; step < from + steps; step += 1) world.step(waving(step));
    const state = new Float64Array(world.stateSize);
    world.getState(state);
    return state;
  }

  it.each(TASKS)(
    '%s starts with the arms at the start pose, the objects where they are put, and all cameras',
    async (task) => {
      const world = await load(task);
      const start = sampleStartPose(task, 3);
      world.reset(start);
      const sample = world.newSample();
      world.observe(sample);
      for (let i = 0; i < DOF; i += 1) {
        // Grippers start almost closed: fingers at 0.02239 m; source: gym-aloha constants.py.
        expect(sample.qpos[i]).toBeCloseTo(i % 7 === 6 ? 0.0998 : ARM_START_POSE[i % 7]!, 4);
      }
      expect(sample.environmentState).toEqual(start.objects);
      expect(world.cameras).toEqual([...CAMERAS]);
    },
  );

  it('is the same bit for bit in two worlds', async () => {
    const [a, b] = [await load(), await load()];
    a.reset(START);
    b.reset(START);
    expect(run(a, 0, 60)).toEqual(run(b, 0, 60));
  });

  it('forgets everything on reset', async () => {
    const world = await load();
    world.reset(START);
    const first = run(world, 0, 30);
    run(world, 30, 20);
    world.reset(START);
    expect(run(world, 0, 30)).toEqual(first);
  });

  it('goes on bit for bit from a stored state, also in another world', async () => {
    const [a, b] = [await load(), await load()];
    a.reset(START);
    const middle = run(a, 0, 30);
    const end = run(a, 30, 30);
    b.setState(middle);
    expect(run(b, 30, 30)).toEqual(end);
  });

  it('answers the same after a round trip of its state', async () => {
    const world = await load();
    world.reset(START);
    const state = run(world, 0, 30);
    const before = world.newSample();
    world.observe(before);
    run(world, 30, 5);
    world.setState(state);
    const after = world.newSample();
    world.observe(after);
    expect({ ...after, effort: undefined }).toEqual({ ...before, effort: undefined });
  });

  it('drives arms to their goals and opens grippers by the normalised amount', async () => {
    const world = await load();
    world.reset(START);
    const goal = Float64Array.from({ length: DOF }, (_, i) =>
      i % 7 === 6 ? 0.6 : ARM_START_POSE[i % 7]! + 0.1,
    );
    for (let step = 0; step < 100; step += 1) world.step(goal);
    const { qpos } = ((sample) => (world.observe(sample), sample))(world.newSample());
    qpos.forEach((position, i) => expect(Math.abs(position - goal[i]!), `joint ${i}`).toBeLessThan(0.03));
  });

  it('refuses what it does not know, naming what it knows', async () => {
    // @ts-expect-error: what a rig file may say
    const juggling = World.load({ task: 'juggling' });
    await expect(juggling).rejects.toThrow(UnknownTaskError);
    await expect(juggling).rejects.toThrow('insertion, transfer_cube');
    const world = await load();
    expect(() => world.cameraName('cam_nowhere')).toThrow(UnknownCameraError);
    expect(() => world.cameraName('cam_nowhere')).toThrow('cam_high');
    expect(() => world.setState(new Float64Array(3))).toThrow(SceneError);
  });
});
