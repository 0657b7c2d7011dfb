/** What a lost camera does to those who act: a policy that looks through it holds, a person goes on. */
import { afterEach, describe, expect, it } from 'vitest';
import type { CameraStatus } from '#alohad/contract/camera.js';
import type { PolicyManifest } from '#alohad/contract/checkpoint.js';
import { CameraFaultError } from '#alohad/contract/errors.js';
import type { ActionChunk } from '#alohad/contract/policy.js';
import { DOF } from '#alohad/contract/robot.js';
import { Limits } from '#alohad/control/limits.js';
import { ControlSession } from '#alohad/control/session.js';
import { Teleoperation } from '#alohad/control/teleoperation.js';
import { decodeRequested } from '#alohad/daemon/jpegDecoder.js';
import { Webcams } from '#alohad/hardware/webcam/webcams.js';
import { ActSource } from '#alohad/policy/actSource.js';
import type { Predictor } from '#alohad/policy/inferenceClient.js';
import { RealTimeClock } from '#alohad/realtime/clock.js';
import { TimingHistogram } from '#alohad/realtime/timingHistogram.js';
import { FakeRobot } from '../../control/fakeRobot.js';
import { MjpegServer } from './mjpegServer.js';

const TIMING = { staleMs: 500, stallMs: 1000, openMs: 2000, pauseMs: 50, longestPauseMs: 200 };
const IMAGE = { camera: 'cam_high', width: 16, height: 12 };
const CHUNK = 100;
const NEVER = { aborted: false };

const manifest: PolicyManifest = {
  format: 'alohad-policy',
  version: 1,
  name: 'looking',
  task: 'insertion',
  architecture: {},
  chunkSize: CHUNK,
  images: [IMAGE],
  channelOrder: 'rgb',
  environmentStateSize: 0,
  normalisation: { qpos: { mean: [], std: [] }, action: { mean: [], std: [] } },
  modelSha256: '',
  provenance: {},
};

/** Answers at once, with two seconds of actions: what holds the arms is not that it has nothing to say. */
class EagerPredictor implements Predictor {
  readonly images = [new Uint8Array(IMAGE.width * IMAGE.height * 3)];
  readonly latency = new TimingHistogram();
  readonly idle = true;
  #chunk: ActionChunk | undefined;
  submit(step: number): void {
    this.#chunk = { step, actions: new Float32Array(CHUNK * DOF), latencyMs: 1 };
  }
  poll(): ActionChunk | undefined {
    return this.wait();
  }
  wait(): ActionChunk | undefined {
    const chunk = this.#chunk;
    this.#chunk = undefined;
    return chunk;
  }
  async close(): Promise<void> {}
}

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function cell() {
  const server = await MjpegServer.start();
  ends.push(() => server.close());
  const webcams = await Webcams.open(
    [{ name: 'cam_high', origin: { kind: 'url', url: server.url }, width: 32, height: 24, fps: 50 }],
    { decode: decodeRequested, timing: TIMING },
  );
  ends.push(() => webcams.close());
  const robot = new FakeRobot();
  const modes: string[] = [];
  const session = new ControlSession({
    robot,
    clock: new RealTimeClock(20),
    limits: new Limits(),
    listeners: [],
    stop: NEVER,
    onMode: (mode) => modes.push(mode),
  });
  await session.connect();
  await session.activate();
  ends.push(async () => void (await session.disconnect()));
  return { server, webcams, robot, session, modes };
}

describe('when a camera is lost', () => {
  it('a policy that needs it stops, the arms hold, and the next episode runs once it is back', async () => {
    const { server, webcams, session, robot, modes } = await cell();
    // One query in two seconds: between queries, too, nobody moves without seeing.
    const policy = new ActSource(manifest, new EagerPredictor(), webcams, {
      mode: 'chunk',
      pace: 'realtime',
      queryEvery: CHUNK,
    });
    const episode = session.episode({
      source: policy,
      steps: 500,
      signal: NEVER,
      listeners: [
        {
          onStep: ({ observation: { step } }) => {
            if (step === 10) server.behaviour = 'stalled';
          },
        },
      ],
    });
    await expect(episode).rejects.toThrow(CameraFaultError);
    await expect(episode).rejects.toThrow(/camera cam_high is stalled.*The arms hold/);
    expect(modes.at(-1)).toBe('holding');
    expect(robot.calls.at(-2)).toBe('hold');
    expect(robot.goals.length).toBeGreaterThan(10);
    expect(robot.goals.length).toBeLessThan(500);

    server.behaviour = 'good';
    while (webcams.ageMs('cam_high') > 100) await new Promise((resolve) => setTimeout(resolve, 10));
    const again = await session.episode({ source: policy, steps: 20, signal: NEVER });
    expect(again.steps).toBe(20);
  });

  it('a person who teleoperates goes on, and is told', async () => {
    const { server, webcams, session } = await cell();
    const told: CameraStatus[] = [];
    webcams.listen((status) => told.push(status));
    let stepsWithout = 0;
    const leaders = new FakeRobot();
    await leaders.connect();
    const outcome = await session.episode({
      source: new Teleoperation(leaders),
      steps: 100,
      signal: {
        get aborted() {
          return told.length > 0 && told.at(-1)!.state === 'live';
        },
      },
      listeners: [
        {
          onStep: () => {
            if (told.at(-1)?.state === 'unplugged') stepsWithout++;
            server.behaviour = told.length === 0 ? 'unplugged' : 'good';
          },
        },
      ],
    });
    expect(stepsWithout).toBeGreaterThan(3);
    expect(outcome.steps).toBeGreaterThan(stepsWithout);
    expect(told.map(({ state }) => state)).toContain('unplugged');
  });
});
