import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { imageBytes, type ImageRequest } from '#alohad/contract/camera.js';
import { SceneError } from '#alohad/contract/errors.js';
import { DOF } from '#alohad/contract/robot.js';
import { insertionExpert } from '#alohad/simulation/experts/insertion.js';
import { SimImages } from '#alohad/simulation/simCameras.js';
import { SimRobot } from '#alohad/simulation/simRobot.js';
import { sampleStartPose } from '#alohad/simulation/startPoses.js';
import type { EpisodeData } from '#alohad/contract/episode.js';

const START = sampleStartPose('insertion', 11);
const NONE = new Float64Array(0);
const REQUEST: ImageRequest = { camera: 'cam_left_wrist', width: 64, height: 48 };

function picture(images: { capture(request: ImageRequest, rgb: Uint8Array): unknown }): Uint8Array {
  const rgb = new Uint8Array(imageBytes(REQUEST));
  images.capture(REQUEST, rgb);
  return rgb;
}

/** An episode of which only the physics states matter. */
const recorded = (states: readonly Float64Array[]): EpisodeData => ({
  info: {
    task: 'insertion',
    backend: 'sim',
    source: 'script',
    seed: START.seed,
    startObjects: [],
    softwareVersion: '',
    gripper: {},
    cameras: [],
    extra: {},
  },
  outcome: { steps: states.length, maxReward: 0, finalReward: 0, success: false },
  steps: states.length,
  qpos: NONE,
  qvel: NONE,
  effort: NONE,
  action: NONE,
  reward: NONE,
  timeMs: NONE,
  physicsState: Float64Array.from(states.flatMap((state) => Array.from(state))),
  environmentState: NONE,
});

describe('SimRobot', () => {
  let robot: SimRobot;
  beforeEach(() => {
    robot = new SimRobot({ task: 'insertion' });
  });
  afterEach(() => robot.disconnect());

  async function start(): Promise<void> {
    await robot.connect();
    await robot.activate();
    robot.reset(START);
  }

  /** Follows the expert, showing each moment to `look`. */
  function follow(steps: number, look: (step: number) => void = () => {}): void {
    const expert = insertionExpert();
    for (let step = 0; step < steps; step += 1) {
      const observation = robot.observe();
      look(step);
      robot.command(expert.decide(observation)!);
    }
  }

  it('counts steps from reset and begins again alike', async () => {
    await start();
    follow(40);
    expect(robot.observe().step).toBe(40);
    const first = robot.physicsState.slice();
    robot.reset(START);
    expect(robot.observe().step).toBe(0);
    follow(40);
    robot.observe();
    expect(robot.physicsState).toEqual(first);
  });

  it('holds its arms where they are, and its grippers closed', async () => {
    await start();
    const goal = robot.observe().qpos.map((position, i) => (i === 6 ? 1 : position));
    for (let step = 0; step < 60; step += 1) robot.command(goal);
    robot.hold();
    const held = robot.observe().qpos.slice();
    expect(held[6]).toBeGreaterThan(0.9);
    // Without being active, commands do not count: what moves now is what `hold` left.
    const { world } = robot;
    for (let step = 0; step < 20; step += 1) world.step(held);
    robot.observe().qpos.forEach((position, i) => expect(Math.abs(position - held[i]!)).toBeLessThan(0.02));
  });

  it('draws recorded moments again as they were seen', async () => {
    await start();
    const states: Float64Array[] = [];
    const seen: Uint8Array[] = [];
    follow(30, () => {
      states.push(robot.physicsState.slice());
      seen.push(picture(robot.images));
    });
    const images = await SimImages.create({ task: 'insertion' });
    const episode = recorded(states);
    for (const step of [20, 3, 29]) {
      const rgb = new Uint8Array(imageBytes(REQUEST));
      images.image(episode, step, REQUEST, rgb);
      expect(rgb).toEqual(seen[step]);
    }
    expect(seen[29]).not.toEqual(seen[3]);
    expect(() =>
      images.image(recorded([new Float64Array(5)]), 0, REQUEST, new Uint8Array(imageBytes(REQUEST))),
    ).toThrow(SceneError);
    images.dispose();
  });

  it('shakes open hands only, the same for the same start pose', async () => {
    const shaken = new SimRobot({ task: 'insertion', shake: 0.02 });
    await shaken.connect();
    await shaken.activate();
    await start();
    const goal = robot.observe().qpos.slice();
    const deviation = (opening: number, seed: number): Float64Array => {
      goal[6] = goal[13] = opening;
      for (const one of [robot, shaken]) {
        one.reset({ ...START, seed });
        for (let step = 0; step < 50; step += 1) one.command(goal);
      }
      const still = robot.observe().qpos;
      return shaken.observe().qpos.map((position, i) => position - still[i]!);
    };
    const open = deviation(1, 1);
    expect(Math.max(...open.map(Math.abs))).toBeGreaterThan(0.005);
    expect(deviation(1, 1)).toEqual(open);
    expect(deviation(1, 2)).not.toEqual(open);
    expect(deviation(0, 1)).toEqual(new Float64Array(DOF));
    await shaken.disconnect();
  });

  it('draws objects where the intrinsics of a camera say that they are', async () => {
    await start();
    const { images, world } = robot;
    const peg = START.objects.subarray(0, 3);
    for (const camera of ['cam_high', 'cam_low']) {
      const { width, height, fx, fy, cx, cy } = images.intrinsics!(camera)!;
      const draw = (objects: Float64Array): Uint8Array => {
        robot.reset({ ...START, objects });
        const rgb = new Uint8Array(3 * width * height);
        images.capture({ camera, width, height }, rgb);
        return rgb;
      };
      const away = START.objects.slice();
      away[2] = 50;
      const [without, shown] = [draw(away), draw(START.objects)];
      let [count, column, row] = [0, 0, 0];
      for (let pixel = 0; pixel < width * height; pixel++) {
        if (without[3 * pixel] === shown[3 * pixel]) continue;
        count += 1;
        column += pixel % width;
        row += Math.floor(pixel / width);
      }
      expect(count).toBeGreaterThan(100);

      const id = world.cameras.indexOf(camera);
      const { cam_xpos: eyes, cam_xmat: axes }: { cam_xpos: Float64Array; cam_xmat: Float64Array } =
        world.data;
      const along = (axis: number): number =>
        peg.reduce((sum, value, k) => sum + (value - eyes[3 * id + k]!) * axes[9 * id + 3 * k + axis]!, 0);
      // MuJoCo's cameras look along -z with y up; intrinsics along z with y down.
      const depth = -along(2);
      expect(Math.abs(column / count - (cx + (fx * along(0)) / depth))).toBeLessThan(2);
      expect(Math.abs(row / count - (cy - (fy * along(1)) / depth))).toBeLessThan(2);
    }
    expect(() => images.intrinsics!('cam_moon')).toThrow('cam_moon');
  });
});
