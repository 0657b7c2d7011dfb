/** A camera through all that can happen to it: each fault has its name, and it comes back by itself. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { CameraState } from '#alohad/contract/camera.js';
import { Capture, type CaptureOptions } from '#alohad/hardware/webcam/capture.js';
import { ffmpegArguments, startFfmpeg } from '#alohad/hardware/webcam/ffmpegSource.js';
import type { CameraFault, CameraOrigin, CameraSpec } from '#alohad/hardware/webcam/source.js';
import { FrameRing } from '#alohad/realtime/frameRing.js';
import { MjpegServer } from './mjpegServer.js';
import { picture } from './pictures.js';

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;
const folder = mkdtempSync(join(tmpdir(), 'alohad-webcam-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Short enough for a test, long enough for a machine that is busy with others. */
const TIMING = { staleMs: 400, stallMs: 800, openMs: 1500, pauseMs: 50, longestPauseMs: 200 };

const ends: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const spec = (origin: CameraOrigin, more: Partial<CameraSpec> = {}): CameraSpec => ({
  name: 'cam',
  origin,
  width: 32,
  height: 24,
  fps: 50,
  ...more,
});

function watch(camera: CameraSpec, options: Partial<CaptureOptions> = {}) {
  const ring = FrameRing.allocate();
  const states: { state: CameraState; message: string }[] = [];
  const capture = new Capture({
    spec: camera,
    ring,
    timing: TIMING,
    onState: (state, message) => states.push({ state, message }),
    ...options,
  });
  ends.push(() => capture.stop());
  capture.start();
  return { ring, states, state: () => states.at(-1)?.state };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let wait = 0; wait < 2000; wait++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`never: ${what}`);
}

async function server(): Promise<MjpegServer> {
  const made = await MjpegServer.start();
  ends.push(() => made.close());
  return made;
}

describe('a camera over HTTP', () => {
  it('keeps the bytes of each picture, and counts them', async () => {
    const camera = await server();
    const { ring, state } = watch(spec({ kind: 'url', url: camera.url }));
    await until(() => ring.newest >= 20, 'twenty frames');
    const known = new Set(
      Array.from({ length: camera.sent }, (_, number) => Buffer.from(picture(number)).toString('base64')),
    );
    for (let sequence = ring.oldest; sequence <= ring.newest; sequence++) {
      const { bytes, captureMs, publishedMs } = ring.read(sequence)!;
      expect(known.has(Buffer.from(bytes).toString('base64'))).toBe(true);
      expect(captureMs).toBeLessThanOrEqual(publishedMs);
    }
    expect(state()).toBe('live');
  });

  it.each(['stalled', 'corrupt', 'wrong mode', 'unplugged', 'refused'] as const)(
    'is named %s, and live again by itself when that is over',
    async (behaviour) => {
      const camera = await server();
      const { ring, states, state } = watch(spec({ kind: 'url', url: camera.url }));
      await until(() => state() === 'live', 'live');
      const name = behaviour === 'refused' ? 'unavailable' : behaviour;
      camera.behaviour = behaviour;
      await until(() => state() === name, name);
      expect(states.at(-1)!.message).not.toBe('');
      if (behaviour === 'stalled') await until(() => camera.connections > 1, 'opened again');
      const before = ring.newest;
      camera.behaviour = 'good';
      await until(() => state() === 'live' && ring.newest > before + 3, 'live again');
      expect(ring.interruptions).toBeGreaterThanOrEqual(1);
      if (behaviour === 'corrupt') expect(ring.damaged).toBeGreaterThan(0);
      if (behaviour !== 'wrong mode' && behaviour !== 'corrupt')
        expect(camera.connections).toBeGreaterThan(1);
    },
  );

  it('is opened again and again, less and less often, while nobody is there', async () => {
    const camera = await server();
    const { url } = camera;
    await camera.close();
    const began = performance.now();
    const { states, state } = watch(spec({ kind: 'url', url }));
    await until(() => state() === 'unplugged', 'unplugged');
    expect(states.at(-1)!.message).toContain('cannot be reached');
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('does not take a web page for a stream', async () => {
    const { createServer } = await import('node:http');
    const page = createServer((_, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    );
    await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
    ends.push(() => void page.close());
    const address = page.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const { states, state } = watch(spec({ kind: 'url', url: `http://127.0.0.1:${port}/` }));
    await until(() => state() === 'unavailable', 'unavailable');
    expect(states.at(-1)!.message).toContain('text/html, not an MJPEG stream');
  });
});

describe('a camera from an MJPEG file', () => {
  const path = join(folder, 'three.mjpeg');
  writeFileSync(path, Buffer.concat([picture(0), picture(1), picture(2)]));

  it('shows its pictures in their order, over and over, without ffmpeg', async () => {
    const { ring } = watch(spec({ kind: 'file', path }));
    await until(() => ring.newest >= 10, 'ten frames');
    const pictures = [picture(0), picture(1), picture(2)].map((bytes) =>
      Buffer.from(bytes).toString('base64'),
    );
    for (let sequence = 1; sequence <= 10; sequence++) {
      expect(Buffer.from(ring.read(sequence)!.bytes).toString('base64')).toBe(pictures[(sequence - 1) % 3]);
    }
  });

  it('says what is wrong with a file that is not there, or holds no picture', async () => {
    const missing = watch(spec({ kind: 'file', path: join(folder, 'missing.mjpeg') }));
    const empty = join(folder, 'text.mjpeg');
    writeFileSync(empty, 'no picture');
    const text = watch(spec({ kind: 'file', path: empty }));
    await until(() => missing.state() !== undefined && text.state() !== undefined, 'both told');
    expect(missing.states[0]).toMatchObject({
      state: 'unplugged',
      message: expect.stringContaining('no such file'),
    });
    expect(text.states[0]).toMatchObject({
      state: 'unplugged',
      message: expect.stringContaining('no JPEG picture'),
    });
  });
});

describe('a camera through ffmpeg', () => {
  it.runIf(hasFfmpeg)('shows a test picture of the size and rate asked for', async () => {
    const { ring } = watch(spec({ kind: 'test', filter: 'testsrc2' }, { width: 64, height: 48, fps: 30 }), {
      timing: { ...TIMING, openMs: 20_000 },
    });
    await until(() => ring.newest >= 15, 'fifteen frames');
    expect(Buffer.from(ring.read(ring.newest)!.bytes.subarray(0, 2)).toString('hex')).toBe('ffd8');
  });

  it.runIf(hasFfmpeg)('is unplugged when its device is not there', async () => {
    const { states } = watch(spec({ kind: 'device', path: '/dev/v4l/by-id/none' }));
    await until(() => states.length > 0, 'told');
    expect(states[0]).toMatchObject({ state: 'unplugged', message: expect.stringContaining('plug it in') });
  });

  it('says so where ffmpeg is not installed', async () => {
    const ended = await new Promise<CameraFault>((resolve) => {
      startFfmpeg(
        spec({ kind: 'test', filter: 'testsrc2' }),
        { onFrame: () => {}, onDamaged: () => {}, onEnd: resolve },
        join(folder, 'no-ffmpeg'),
      );
    });
    expect(ended.state).toBe('unavailable');
    expect(ended.message).toMatch(/not installed.*MJPEG files and HTTP MJPEG streams work without/);
  });

  it.each<[string, CameraState, RegExp]>([
    ['ioctl(VIDIOC_STREAMON): No space left on device', 'no space', /USB controller/],
    ['/dev/x: Device or resource busy', 'unavailable', /another program/],
    ['/dev/x: Permission denied', 'unavailable', /group video/],
    ["Cannot find a proper format for codec 'mjpeg'\n/dev/x: Invalid argument", 'wrong mode', /alohad check/],
    ['ioctl(VIDIOC_DQBUF): No such device', 'unplugged', /plug it in/],
    ['', 'unplugged', /not there any more/],
  ])('understands "%s"', async (said, state, advice) => {
    // Stands in for ffmpeg: says what the real one says (libavdevice/v4l2.c), and ends.
    const program = join(folder, `fake-${Math.random()}`);
    writeFileSync(program, `#!/bin/sh\ncat >&2 <<'END'\n${said}\nEND\n`, { mode: 0o755 });
    const ended = await new Promise<CameraFault>((resolve) => {
      startFfmpeg(
        spec({ kind: 'device', path: '/dev/v4l/by-id/none' }),
        { onFrame: () => {}, onDamaged: () => {}, onEnd: resolve },
        program,
      );
    });
    expect(ended.state).toBe(state);
    expect(ended.message).toMatch(advice);
  });

  it('copies what a device sends: nothing is encoded', () => {
    const given = ffmpegArguments(spec({ kind: 'device', path: '/dev/v4l/by-id/cam' }));
    expect(given.join(' ')).toContain(
      '-f v4l2 -input_format mjpeg -framerate 50 -video_size 32x24 -i /dev/v4l/by-id/cam -c copy',
    );
    expect(existsSync('/dev/v4l/by-id/cam')).toBe(false);
  });
});
