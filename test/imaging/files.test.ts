import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeApng } from 'fast-png';
import { describe, expect, test, vi } from 'vitest';
import { StorageError } from '#alohad/contract/errors.js';
import type { Image } from '#alohad/imaging/image.js';
import { blankImage } from '#alohad/imaging/image.js';
import { decodeJpeg, encodeJpeg } from '#alohad/imaging/jpeg.js';
import { decodePng, encodeAnimatedPng, encodePng } from '#alohad/imaging/png.js';
import { ffmpegInstalled, openVideo } from '#alohad/imaging/video.js';

/** A picture in which no two rows or columns are alike. */
function gradient(width: number, height: number, seed = 0): Image {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < rgb.length; i++) {
    const column = Math.floor(i / 3) % width;
    const row = Math.floor(i / 3 / width);
    rgb[i] = (column * 3 + row * (i % 3) + seed) % 256;
  }
  return { width, height, rgb };
}

describe('PNG', () => {
  test.each([
    [1, 1],
    [7, 5],
    [640, 480],
  ])('%d x %d comes back as it was', (width, height) => {
    const image = gradient(width, height);
    const back = decodePng(encodePng(image));
    expect([back.width, back.height]).toEqual([width, height]);
    expect(Buffer.compare(back.rgb, image.rgb)).toBe(0);
  });

  test('an animation holds every frame, and readers of still pictures see the first', () => {
    const frames = [gradient(20, 10), gradient(20, 10, 40), gradient(20, 10, 80)];
    const bytes = encodeAnimatedPng(frames, 5);
    const read = decodeApng(bytes);
    expect(read.frames.map(({ delayNumber, delayDenominator }) => delayNumber / delayDenominator)).toEqual([
      0.2, 0.2, 0.2,
    ]);
    expect(read.frames.map(({ data }) => [...data])).toEqual(frames.map(({ rgb }) => [...rgb]));
    expect(Buffer.compare(decodePng(bytes).rgb, frames[0]?.rgb ?? new Uint8Array())).toBe(0);
  });

  test('an animation of nothing, or of several sizes, is refused', () => {
    expect(() => encodeAnimatedPng([], 5)).toThrow('at least one picture');
    expect(() => encodeAnimatedPng([gradient(4, 3), gradient(3, 4)], 5)).toThrow('got 4 x 3 and 3 x 4');
  });

  test('damaged bytes are refused', () => {
    const bytes = encodePng(gradient(16, 16));
    bytes[40] = (bytes[40] ?? 0) ^ 255;
    expect(() => decodePng(bytes)).toThrow(Error);
    expect(() => decodePng(new Uint8Array(10))).toThrow(Error);
  });
});

describe('JPEG', () => {
  test('comes back nearly as it was', () => {
    const image = gradient(64, 48);
    const back = decodeJpeg(encodeJpeg({ ...image, rgb: image.rgb.map((value) => value >> 2) }));
    const error = back.rgb.reduce((sum, value, i) => sum + Math.abs(value - ((image.rgb[i] ?? 0) >> 2)), 0);
    expect([back.width, back.height]).toEqual([64, 48]);
    expect(error / back.rgb.length).toBeLessThan(4);
  });

  test('lower quality is smaller', () => {
    const image = gradient(64, 48);
    expect(encodeJpeg(image, 40).length).toBeLessThan(encodeJpeg(image, 95).length);
  });

  test('an earlier result is not overwritten by a later one', () => {
    const first = encodeJpeg(gradient(64, 48));
    const copy = Uint8Array.from(first);
    encodeJpeg(gradient(64, 48, 99));
    expect(Buffer.compare(first, copy)).toBe(0);
  });

  test.each([
    ['empty', new Uint8Array()],
    ['not a JPEG', new Uint8Array(100).fill(7)],
  ])('%s bytes are refused', (_, bytes) => {
    expect(() => decodeJpeg(bytes)).toThrow(Error);
  });
});

describe('video', () => {
  const folder = mkdtempSync(join(tmpdir(), 'alohad-video-'));

  test.skipIf(!ffmpegInstalled())('is an MP4 where ffmpeg is installed, also of an odd size', async () => {
    const video = openVideo(join(folder, 'a.mp4'), 33, 17, 10);
    const frame = blankImage(33, 17);
    for (let i = 0; i < 12; i++) {
      frame.rgb.fill(i * 20);
      await video.add(frame.rgb);
    }
    expect(await video.finish()).toEqual({ path: join(folder, 'a.mp4'), frames: 12 });
    expect(readFileSync(join(folder, 'a.mp4')).subarray(4, 8).toString()).toBe('ftyp');
  });

  test.skipIf(!ffmpegInstalled())('that ffmpeg cannot write is a StorageError with its words', async () => {
    const path = join(folder, 'missing', 'a.mp4');
    const video = openVideo(path, 32, 16, 10);
    const attempt = async (): Promise<void> => {
      for (let i = 0; i < 50; i++) await video.add(new Uint8Array(32 * 16 * 3));
      await video.finish();
    };
    await expect(attempt()).rejects.toThrow(StorageError);
  });

  test('is an animated PNG without ffmpeg, and says so', async () => {
    vi.stubEnv('PATH', '/nowhere');
    const video = openVideo(join(folder, 'b.mp4'), 64, 48, 50);
    vi.unstubAllEnvs();
    for (let i = 0; i < 21; i++) await video.add(gradient(64, 48, i).rgb);
    const result = await video.finish();
    expect(result).toMatchObject({ path: join(folder, 'b.png'), frames: 21 });
    expect(result.note).toContain('install ffmpeg');
    expect(decodeApng(readFileSync(result.path)).frames).toHaveLength(3);
  });

  test('that cannot be stored is a StorageError', async () => {
    vi.stubEnv('PATH', '/nowhere');
    const video = openVideo(join(folder, 'missing', 'c.mp4'), 8, 8, 50);
    vi.unstubAllEnvs();
    await video.add(blankImage(8, 8).rgb);
    await expect(video.finish()).rejects.toThrow(StorageError);
  });
});
