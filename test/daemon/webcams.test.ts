/** The daemon with cameras in its rig: what people see and what is recorded are the camera's own bytes. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { decodeFrame } from '#alohad/contract/apiFrames.js';
import { decodeRequested } from '#alohad/daemon/jpegDecoder.js';
import { readEpisode } from '#alohad/episodes/readEpisode.js';
import { RecordedImages } from '#alohad/episodes/recordedImages.js';
import { picture } from '../hardware/webcam/pictures.js';
import { ServedDaemon, until, writeRigOfBoth } from './servedDaemon.js';

const folder = mkdtempSync(join(tmpdir(), 'alohad-webcams-'));
afterAll(() => rmSync(folder, { recursive: true }));

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const pictures = [picture(0), picture(1), picture(2)];
const known = new Set(pictures.map(base64));

/** The first frame of a camera that a viewer is sent. */
async function firstFrame(url: string): Promise<Uint8Array> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}api`);
  socket.binaryType = 'arraybuffer';
  try {
    return await new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('open', () =>
        socket.send(
          JSON.stringify({ v: 1, type: 'subscribe', cameras: ['cam_high'], joints: false, chunks: false }),
        ),
      );
      socket.on('message', (data, binary) => {
        if (!binary || !(data instanceof ArrayBuffer)) return;
        const frame = decodeFrame(data);
        if (frame?.kind === 'camera') resolve(frame.jpeg);
      });
    });
  } finally {
    socket.close();
  }
}

it('shows and records the cameras of its rig, as they captured', async () => {
  const file = join(folder, 'camera.mjpeg');
  writeFileSync(file, Buffer.concat(pictures));
  const rig = writeRigOfBoth(folder);
  const lens = { fx: 30, fy: 31, cx: 16, cy: 12 };
  const camera = `{ file: ${file}, width: 32, height: 24, fps: 40, intrinsics: ${JSON.stringify(lens)} }`;
  writeFileSync(rig, `${readFileSync(rig, 'utf8')}\ncameras:\n  cam_high: ${camera}\n`);
  const daemon = await ServedDaemon.start(['--rig', rig, '--backend', 'emulated']);
  try {
    const client = await daemon.client();
    const state = await until(client, ({ arms, changing }) => arms === 'holding' && !changing);
    expect(state.cameras).toEqual(['cam_high']);
    expect(state.intrinsics).toEqual({ cam_high: { width: 32, height: 24, ...lens, distortion: [] } });
    expect(known.has(base64(await firstFrame(daemon.url)))).toBe(true);

    const { webcams } = await until(client, (one) => one.webcams.length > 0);
    expect(webcams).toMatchObject([{ camera: 'cam_high', state: 'live', damaged: 0, interruptions: 0 }]);

    await client.send({
      type: 'mode',
      request: { mode: 'record', policy: 'script', episodes: 1, keep: 'all', images: 'jpeg' },
    });
    await until(client, ({ arms }) => arms === 'active');
    await until(client, ({ mode }) => mode === 'idle');
    const recorded = readdirSync(daemon.folder, { recursive: true, encoding: 'utf8' });
    const name = recorded.find((path) => path.endsWith('.mcap'))!;
    const episode = readEpisode(join(daemon.folder, name));
    const images = new RecordedImages(decodeRequested);
    const seen = [0, 100, episode.steps - 1].map((step) => base64(images.jpeg(episode, step, 'cam_high')));
    expect(seen.every((jpeg) => known.has(jpeg))).toBe(true);
    client.close();
  } finally {
    await daemon.stop();
  }
}, 180_000);
