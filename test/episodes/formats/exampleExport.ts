/** An episode with images, as an exporter is given it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { EpisodeData } from '#alohad/contract/episode.js';
import { EpisodeStore } from '#alohad/episodes/episodeStore.js';
import type { AfterStep, ExportEpisode } from '#alohad/episodes/export/exportEpisode.js';
import { storeEpisode, type ForeignEpisode } from '#alohad/episodes/import/foreignEpisode.js';
import { RecordedImages } from '#alohad/episodes/recordedImages.js';
import { readEpisode } from '#alohad/episodes/readEpisode.js';
import { decodeRequested } from '#alohad/daemon/jpegDecoder.js';
import { writeExample } from '../exampleEpisode.js';

export const CAMERAS = ['cam_high', 'cam_left_wrist'] as const;
export const SIZE = { width: 48, height: 32 } as const;
export const STEPS = 24;

/** A smooth picture whose colours tell camera and step; red is bright where blue is dark. */
export function picture(camera: string, step: number): Uint8Array {
  const { width, height } = SIZE;
  const salt = camera.length;
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const x = Math.floor(i / 3) % width;
    const y = Math.floor(i / 3 / width);
    return [200 + x, 40 + 3 * y + salt, 10 + step][i % 3] ?? 0;
  });
}

export function exampleExport(folder: string, steps = STEPS): ExportEpisode {
  const path = join(folder, `example_${steps}.mcap`);
  const data = readEpisode(existsSync(path) ? path : writeExample(folder, `example_${steps}`, steps));
  return { data, images: { ...SIZE, cameras: CAMERAS, rgb: picture, jpeg: () => undefined } };
}

export const atOnce: AfterStep = () => Promise.resolve();

/** Imports into a fresh store and reads back. */
export async function importBack(folder: string, foreign: ForeignEpisode): Promise<EpisodeData> {
  const store = EpisodeStore.open(folder, { create: true });
  const { facts, cameras } = foreign;
  if (!facts) throw new Error('our own export has facts');
  const { success } = facts.outcome;
  return readEpisode(await storeEpisode(store, foreign, { ...facts.info, cameras }, success, atOnce));
}

/** Largest mean difference of any image of the episode from the picture that it was made of. */
export function imageError(episode: EpisodeData): number {
  const images = new RecordedImages(decodeRequested);
  const rgb = new Uint8Array(SIZE.width * SIZE.height * 3);
  let worst = 0;
  for (const camera of CAMERAS) {
    for (let step = 0; step < episode.steps; step += 7) {
      images.image(episode, step, { camera, ...SIZE }, rgb);
      const expected = picture(camera, step);
      const error = rgb.reduce((sum, value, i) => sum + Math.abs(value - (expected[i] ?? 0)), 0);
      worst = Math.max(worst, error / rgb.length);
    }
  }
  return worst;
}
