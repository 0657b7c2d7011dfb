/** The rig's cameras as the robot's eyes: decoding, freshness, faults of one of them, and recording as captured. */
import { afterEach, describe, expect, it } from 'vitest';
import type { CameraStatus } from '#alohad/contract/camera.js';
import { CameraFaultError, UnknownCameraError } from '#alohad/contract/errors.js';
import { decodeRequested } from '#alohad/daemon/jpegDecoder.js';
import { readEpisode } from '#alohad/episodes/readEpisode.js';
import { RecordedImages } from '#alohad/episodes/recordedImages.js';
import { Recorder } from '#alohad/episodes/recorder.js';
import { STRING } from '#alohad/episodes/rosMessages.js';
import { cameraOfTopic, EVENT_TOPIC } from '#alohad/episodes/topics.js';
import { verifyEpisode } from '#alohad/episodes/verifyEpisode.js';
import { walkMcap } from '#alohad/episodes/walkMcap.js';
import { Webcams } from '#alohad/hardware/webcam/webcams.js';
import { decodeJpeg } from '#alohad/imaging/jpeg.js';
import { exampleStep, INFO, temporaryFolder } from '../../episodes/exampleEpisode.js';
import { MjpegServer } from './mjpegServer.js';
import { picture } from './pictures.js';

const TIMING = { staleMs: 500, stallMs: 1000, openMs: 2000, pauseMs: 50, longestPauseMs: 200 };
const SIZE = { width: 32, height: 24 };
const folder = temporaryFolder();

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function cameras(count = 1) {
  const servers = await Promise.all(Array.from({ length: count }, () => MjpegServer.start()));
  const webcams = await Webcams.open(
    servers.map(({ url }, index) => ({
      name: `cam_${index}`,
      origin: { kind: 'url', url },
      ...SIZE,
      fps: 50,
    })),
    { decode: decodeRequested, timing: TIMING },
  );
  ends.push(async () => {
    await webcams.close();
    await Promise.all(servers.map((server) => server.close()));
  });
  return { webcams, servers };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let wait = 0; wait < 2000; wait++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`never: ${what}`);
}

describe('webcams', () => {
  it('show the newest frame, whole or in part, with when it was captured', async () => {
    const { webcams } = await cameras();
    const rgb = new Uint8Array(32 * 24 * 3);
    const before = webcams.ring('cam_0').newest;
    const { sequence, timeMs } = webcams.capture({ camera: 'cam_0', ...SIZE }, rgb);
    expect(sequence).toBeGreaterThanOrEqual(before);
    expect(Math.abs(performance.now() - timeMs)).toBeLessThan(TIMING.staleMs);
    const { bytes } = webcams.ring('cam_0').read(sequence)!;
    expect(rgb).toEqual(decodeJpeg(bytes).rgb);
    const part = new Uint8Array(8 * 6 * 3);
    const region = { x: 8, y: 6, width: 16, height: 12 };
    webcams.capture({ camera: 'cam_0', width: 8, height: 6, region }, part);
    expect(() => webcams.capture({ camera: 'cam_9', ...SIZE }, rgb)).toThrow(UnknownCameraError);
  });

  it('refuse to show what is stale, by the fault it has, and are fresh again by themselves', async () => {
    const { webcams, servers } = await cameras(2);
    const told: CameraStatus[] = [];
    webcams.listen((status) => told.push(status));
    const rgb = new Uint8Array(32 * 24 * 3);
    servers[0]!.behaviour = 'unplugged';
    await until(() => webcams.ageMs('cam_0') > TIMING.staleMs && told.length > 0, 'stale');
    expect(() => webcams.requireFresh('cam_0')).toThrow(CameraFaultError);
    expect(() => webcams.capture({ camera: 'cam_0', ...SIZE }, rgb)).toThrow(
      /camera cam_0 is unplugged \(.*\); its newest picture is \d+ ms old\. The arms hold\./,
    );
    // The other one is not concerned.
    webcams.capture({ camera: 'cam_1', ...SIZE }, rgb);
    servers[0]!.behaviour = 'good';
    await until(() => webcams.statuses.every(({ state }) => state === 'live'), 'live again');
    webcams.capture({ camera: 'cam_0', ...SIZE }, rgb);
    expect(told.map(({ camera }) => camera)).not.toContain('cam_1');
    expect(told.at(-1)).toEqual({ camera: 'cam_0', state: 'live', message: '' });
  });

  it('open with a camera that is not there, and say so', async () => {
    const { servers } = await cameras();
    const { url } = servers[0]!;
    const webcams = await Webcams.open(
      [
        { name: 'there', origin: { kind: 'url', url }, ...SIZE, fps: 50 },
        { name: 'gone', origin: { kind: 'file', path: '/nowhere.mjpeg' }, ...SIZE, fps: 50 },
      ],
      { decode: decodeRequested, timing: TIMING },
    );
    ends.push(() => webcams.close());
    expect(webcams.statuses.map(({ camera, state }) => `${camera} ${state}`)).toEqual([
      'there live',
      'gone unplugged',
    ]);
    expect(() => webcams.requireFresh('gone')).toThrow(/gone is unplugged.*shown nothing yet/);
  });
});

describe('a recording of webcams', () => {
  it('holds every frame once, byte for byte as captured, at the step that could first see it', async () => {
    const { webcams, servers } = await cameras(2);
    const recorder = new Recorder({
      environmentSize: 3,
      captured: webcams.cameras.map((camera) => ({ camera, ring: webcams.ring(camera) })),
    });
    ends.push(() => recorder.close());
    const deafen = webcams.listen((status) => recorder.event('camera', { ...status }));
    const info = { ...INFO, cameras: webcams.cameras };
    const firsts = webcams.cameras.map((camera) => webcams.ring(camera).newest);
    await recorder.begin({ folder: folder(), name: 'webcams', info, realTime: true });
    const begins: number[] = [];
    for (let number = 0; number < 60; number++) {
      if (number === 40) servers[1]!.behaviour = 'unplugged';
      const { qpos, qvel, effort, environmentState, action, reward } = exampleStep(number);
      const timeMs = performance.now();
      begins.push(timeMs);
      const observation = { step: number, timeMs, qpos, qvel, effort, environmentState };
      recorder.onStep({ observation, action, goal: action, reward, beganMs: timeMs, lateMs: 0 });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { path, outcome } = await recorder.finish();
    deafen();
    expect(recorder.dropped).toEqual({ steps: 0, images: 0 });
    expect(outcome.quality!.cameras['cam_0']).toMatchObject({ dropped: 0 });
    expect(outcome.quality!.cameras['cam_0']!.age.p50Ms).toBeLessThan(1000);
    const verified = verifyEpisode(path);
    expect(verified.faults).toEqual([]);
    // Sequences are consecutive: no frame is missing and none is there twice.
    const episode = readEpisode(path);
    const images = new RecordedImages(decodeRequested);
    const known = new Map(
      Array.from({ length: servers[0]!.sent }, (_, n) => [Buffer.from(picture(n)).toString('base64'), n]),
    );
    const numbers: number[] = [];
    const originMs = performance.timeOrigin;
    const events: string[] = [];
    const topics = new Map<number, string>();
    walkMcap(path, {
      channel: ({ id, topic }) => topics.set(id, topic),
      message: ({ channelId, sequence, timeNs, data }) => {
        if (topics.get(channelId) === EVENT_TOPIC) events.push(STRING.decode(data).data);
        if (cameraOfTopic(topics.get(channelId)!) !== 'cam_0') return;
        numbers.push(sequence);
        // A frame that a step saw was captured before the step began.
        expect(Number(timeNs) / 1e6 - originMs).toBeLessThan(begins[sequence]! + 1);
      },
    });
    expect(events.find((event) => event.includes('unplugged'))).toMatch(/"event":"camera".*"camera":"cam_1"/);
    expect(numbers.length).toBe(verified.images['cam_0']);
    expect(numbers.length).toBeGreaterThan(30);
    expect(webcams.ring('cam_0').newest - firsts[0]!).toBeGreaterThanOrEqual(numbers.length - 1);
    const shown = episode.timeMs.length;
    const seen = [...Array(shown).keys()].map((step) =>
      known.get(Buffer.from(images.jpeg(episode, step, 'cam_0')).toString('base64'))!,
    );
    expect(seen.every((number) => number !== undefined)).toBe(true);
    expect(seen.toSorted((a, b) => a - b)).toEqual(seen);
  });
});
