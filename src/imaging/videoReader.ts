/** Frames of a video file through ffmpeg, one after the other; memory does not grow with the length. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { EpisodeError } from '../contract/errors.js';

export interface VideoPart {
  readonly fromSeconds: number;
  readonly frames: number;
  readonly framesPerSecond: number;
}

/**
 * Yields RGB frames of height x width x 3, each a buffer of its own. Throws EpisodeError when there are fewer or the
 * video cannot be read. Ending the iteration early stops ffmpeg.
 */
export async function* readVideo(
  path: string,
  { fromSeconds, frames, framesPerSecond }: VideoPart,
  { width, height }: { readonly width: number; readonly height: number },
): AsyncGenerator<Uint8Array> {
  // A quarter of a frame earlier: what is stored as k/fps may be rounded, and no other frame lies there.
  const start = Math.max(0, fromSeconds - 0.25 / framesPerSecond);
  const input = ['-ss', start.toFixed(6), '-i', path, '-frames:v', `${frames}`];
  const output = ['-an', '-vf', `scale=${width}:${height}`, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'];
  const child = spawn('ffmpeg', ['-nostdin', '-loglevel', 'error', ...input, ...output], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const closed = once(child, 'close').catch((error: unknown) => (complaint += String(error)));
  const size = width * height * 3;
  let frame = Buffer.alloc(size);
  let filled = 0;
  let count = 0;
  try {
    for await (const bytes of child.stdout) {
      const chunk: Buffer = bytes;
      for (let at = 0; at < chunk.length;) {
        const copied = chunk.copy(frame, filled, at);
        at += copied;
        filled += copied;
        if (filled < size) continue;
        yield frame;
        frame = Buffer.alloc(size);
        filled = 0;
        count += 1;
      }
    }
    await closed;
    if (count < frames) {
      throw new EpisodeError(
        `${path}: ffmpeg gave ${count} of ${frames} frames from ${fromSeconds} s: ${complaint.trim() || 'the video is shorter'}`,
      );
    }
  } finally {
    child.kill();
    await closed;
  }
}
