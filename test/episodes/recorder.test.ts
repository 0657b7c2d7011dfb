import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { ImageSource } from '#alohad/contract/camera.js';
import { EpisodeError, StorageError } from '#alohad/contract/errors.js';
import { DOF } from '#alohad/contract/robot.js';
import type { Step } from '#alohad/contract/step.js';
import { EpisodeStore } from '#alohad/episodes/episodeStore.js';
import { readEpisode } from '#alohad/episodes/readEpisode.js';
import { RecordedImages } from '#alohad/episodes/recordedImages.js';
import type { RecorderOptions } from '#alohad/episodes/recorder.js';
import { Recorder } from '#alohad/episodes/recorder.js';
import { verifyEpisode } from '#alohad/episodes/verifyEpisode.js';
import { walkMcap } from '#alohad/episodes/walkMcap.js';
import { exampleStep, INFO, temporaryFolder } from './exampleEpisode.js';

const folder = temporaryFolder();
const recorders: Recorder[] = [];
afterEach(async () => {
  await Promise.all(recorders.splice(0).map((recorder) => recorder.close()));
});

function recorderWith(options: RecorderOptions): Recorder {
  const recorder = new Recorder(options);
  recorders.push(recorder);
  return recorder;
}

function tick(number: number): Step {
  const { timeMs, qpos, qvel, effort, environmentState, action, reward } = exampleStep(number);
  const observation = { step: number, timeMs, qpos, qvel, effort, environmentState };
  return { observation, action, goal: action, reward, beganMs: 0, lateMs: 0 };
}

const encoderModule = new URL('./rawEncoder.mjs', import.meta.url).href;

describe('the recorder', () => {
  it('stores what the loop saw, with the state before each action', async () => {
    const physics = new Float64Array(5);
    const recorder = recorderWith({ physicsState: () => physics, environmentSize: 3 });
    for (const name of ['first', 'second']) {
      physics.fill(0);
      await recorder.begin({ folder: folder(), name, info: INFO });
      for (let i = 0; i < 50; i++) {
        // The world moves on within the tick; the recorder is told afterwards.
        physics.fill(i + 1);
        recorder.onStep(tick(i));
        if (i === 20) recorder.event('intervention begin', { by: 'test' });
      }
      const { path, outcome } = await recorder.finish();
      expect(outcome).toEqual({ steps: 50, maxReward: 4, finalReward: 4, success: true });
      const episode = readEpisode(path);
      for (let i = 0; i < 50; i++) {
        expect(episode.qpos.subarray(i * DOF, (i + 1) * DOF)).toEqual(exampleStep(i).qpos);
        expect(episode.action.subarray(i * DOF, (i + 1) * DOF)).toEqual(exampleStep(i).action);
        expect(episode.physicsState[i * 5]).toBe(i);
      }
      expect(eventsOf(path)).toMatchObject([
        { event: 'intervention begin', step: 21, by: 'test' },
        { event: 'finished', steps: 50 },
      ]);
    }
  });

  it('reads back the newest image of each step, once per frame', async () => {
    let frame = 0;
    const source: ImageSource = {
      cameras: ['cam_high'],
      capture: ({ width, height }, rgb) => {
        rgb.fill(frame).fill(width, 0, 1).fill(height, 1, 2);
        return { sequence: frame, timeMs: 5 + frame };
      },
    };
    const requests = [{ camera: 'cam_high', width: 8, height: 6 }];
    const recorder = recorderWith({ environmentSize: 3, cameras: { source, requests, encoderModule } });
    await recorder.begin({ folder: folder(), name: 'a', info: INFO });
    for (let i = 0; i < 40; i++) {
      // A camera at a third of the loop's rate.
      frame = Math.floor((i + 1) / 3);
      recorder.waitForRoom();
      recorder.onStep(tick(i));
    }
    const { path } = await recorder.finish();
    expect(verifyEpisode(path)).toMatchObject({ faults: [], images: { cam_high: 14 } });
    const images = new RecordedImages((jpeg, _, rgb) => rgb.set(jpeg));
    const rgb = new Uint8Array(8 * 6 * 3);
    const episode = readEpisode(path);
    for (let i = 0; i < 40; i++) {
      images.image(episode, i, requests[0]!, rgb);
      expect([...rgb.subarray(0, 3)]).toEqual([8, 6, Math.floor(i / 3)]);
    }
    expect(() => images.image(episode, 0, { camera: 'cam_low', width: 8, height: 6 }, rgb)).toThrow(
      /no images of cam_low; its cameras: cam_high/,
    );
  });

  it('has next to nothing left to do when an episode ends: the next can begin at once', async () => {
    let sequence = 0;
    const source: ImageSource = {
      cameras: ['cam_high'],
      capture: (_, rgb) => {
        rgb.fill(sequence);
        return { sequence: sequence++, timeMs: sequence };
      },
    };
    const requests = [{ camera: 'cam_high', width: 64, height: 48 }];
    const recorder = recorderWith({ environmentSize: 3, cameras: { source, requests, encoderModule } });
    await recorder.begin({ folder: folder(), name: 'a', info: INFO });
    for (let i = 0; i < 500; i++) {
      recorder.waitForRoom();
      recorder.onStep(tick(i));
    }
    while (recorder.state.waiting > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const before = statSync(join(folder(), readdirSync(folder())[0]!)).size;
    const { path } = await recorder.finish();
    // The last of ten seconds, and the index.
    expect(before / statSync(path).size).toBeGreaterThan(0.8);
    await recorder.begin({ folder: folder(), name: 'b', info: INFO });
    await recorder.discard();
  });

  it('never waits: what does not fit is dropped, counted, and makes the episode fail', async () => {
    const recorder = recorderWith({ environmentSize: 3, queueSteps: 8 });
    await recorder.begin({ folder: folder(), name: 'a', info: INFO });
    for (let i = 0; i < 400; i++) recorder.onStep(tick(i));
    const { steps } = recorder.dropped;
    expect(steps).toBeGreaterThan(0);
    await expect(recorder.finish()).rejects.toThrow(
      new RegExp(`${steps} of 400 steps and 0 images were dropped`),
    );
    const path = join(folder(), 'a.mcap');
    expect(() => readEpisode(path)).toThrow(EpisodeError);
    expect(verifyEpisode(path).faults.join()).toMatch(/steps \d+..\d+ are missing/);
    expect(eventsOf(path)[0]).toMatchObject({ event: 'dropped', steps });
  });

  it('refuses an environment state of another size than announced', async () => {
    const recorder = recorderWith({ environmentSize: 7 });
    await recorder.begin({ folder: folder(), name: 'a', info: INFO });
    recorder.onStep(tick(0));
    await expect(recorder.finish()).rejects.toThrow(
      'an environment state of 3 numbers came, 7 were announced',
    );
  });

  it('discards without a trace, and ignores steps outside an episode', async () => {
    const recorder = recorderWith({ environmentSize: 3 });
    recorder.onStep(tick(0));
    await recorder.begin({ folder: folder(), name: 'a', info: INFO });
    recorder.onStep(tick(0));
    await recorder.discard();
    recorder.onStep(tick(1));
    expect(readdirSync(folder())).toEqual([]);
  });

  it('says at the start that the disk is too small or the name taken', async () => {
    const recorder = recorderWith({ environmentSize: 3 });
    const start = { folder: folder(), name: 'a', info: INFO };
    await expect(recorder.begin({ ...start, reserveBytes: 1e18 })).rejects.toThrow(/only \d+ MB are free/);
    await expect(recorder.begin({ ...start, folder: join(folder(), 'none') })).rejects.toThrow(StorageError);
    await recorder.begin(start);
    recorder.onStep(tick(0));
    await recorder.finish();
    await expect(recorder.begin(start)).rejects.toThrow(/exists already/);
  });
});

/** A real file system of 512 kB, where this process may mount one. */
function mountTinyDisk(path: string): boolean {
  try {
    mkdirSync(path);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('a disk that fills up', () => {
  it('stops the recording with a named error and keeps what was finished', async (context) => {
    const disk = join(folder(), 'disk');
    if (!mountTinyDisk(disk)) context.skip('this process may not mount file systems');
    try {
      const recorder = recorderWith({ environmentSize: 3 });
      await recorder.begin({ folder: disk, name: 'episode_000000', info: INFO, reserveBytes: 0 });
      for (let i = 0; i < 1000; i++) {
        recorder.waitForRoom();
        recorder.onStep(tick(i));
      }
      await expect(recorder.finish()).rejects.toThrow(/the disk is full/);
      expect(recorder.fault).toBeInstanceOf(StorageError);

      // Space may not have been enough for the end of the file; a little more is.
      execFileSync('mount', ['-o', 'remount,size=1m', disk]);
      const store = EpisodeStore.open(disk);
      const [entry] = store.list();
      expect(entry!.outcome.steps).toBeGreaterThan(150);
      expect(readEpisode(entry!.path).qpos.at(-1)).toBe(exampleStep(entry!.outcome.steps - 1).qpos.at(-1));
      expect(readdirSync(disk).filter((name) => /part|torn/.test(name))).toEqual([]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

function eventsOf(path: string): unknown[] {
  const events: unknown[] = [];
  let channel = -1;
  walkMcap(path, {
    channel: ({ id, topic }) => {
      if (topic === '/events') channel = id;
    },
    message: ({ channelId, data }) => {
      // CDR: 4 bytes of encapsulation, 4 of length, the text, a zero.
      if (channelId === channel) events.push(JSON.parse(new TextDecoder().decode(data.subarray(8, -1))));
    },
  });
  return events;
}
