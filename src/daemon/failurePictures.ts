/** What failures looked like: a contact sheet and videos, drawn from the recorded physics states. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rig } from '../config/rig.js';
import { imageBytes, type ImageRequest } from '../contract/camera.js';
import type { EpisodeData } from '../contract/episode.js';
import { CONTROL_PERIOD_S } from '../contract/robot.js';
import { storing } from '../contract/systemError.js';
import { readEpisode } from '../episodes/readEpisode.js';
import { contactSheet, type Tile } from '../imaging/contactSheet.js';
import { drawText, fillRectangle, LINE_HEIGHT } from '../imaging/font.js';
import { blankImage, paste } from '../imaging/image.js';
import { encodePng } from '../imaging/png.js';
import { openVideo } from '../imaging/video.js';
import { countFailures, type Failure } from '../simulation/failures.js';
import { SimImages } from '../simulation/simCameras.js';
import { FILM, mosaic } from './film.js';
import { makeFolderOf } from './makeFolderOf.js';
import { worldOptions } from './parts.js';
import type { RunListener } from './runListener.js';

export interface FailedEpisode {
  /** Name of the policy. */
  readonly policy: string;
  readonly seed: number;
  /** Its recording. */
  readonly path: string;
  readonly failure: Pick<Failure, 'kind' | 'text' | 'step'>;
}

export interface FailurePictureChoice {
  readonly rig: Rig;
  readonly sheet?: string;
  readonly videos?: string;
}

export interface FailurePictures {
  /** Null when none was asked for, or there was nothing to show. */
  readonly sheet: string | null;
  readonly videos: readonly string[];
  /** Whether an abort left some of it undrawn. */
  readonly interrupted: boolean;
}

/** A sheet with more rows than this is not looked at. */
const SHEET_ROWS = 40;
const TILE = { width: 352, height: 220 } as const;
/** The table from above; the place where the hands meet, from above and from the front. */
const TABLE: ImageRequest = {
  camera: 'cam_high',
  ...TILE,
  region: { x: 96, y: 100, width: 448, height: 280 },
};
const MEETING: readonly [ImageRequest, ImageRequest] = [
  { camera: 'cam_high', ...TILE, region: { x: 240, y: 220, width: 160, height: 100 } },
  { camera: 'cam_low', ...TILE, region: { x: 176, y: 110, width: 288, height: 180 } },
];
/** Moments that are on every row: over the objects, lifted. Then the fault, from two sides, and the end. */
const EARLY_STEPS = [110, 200] as const;
const COLUMNS = EARLY_STEPS.length + 3;
/** Two lines below a film's frames [px]. */
const CAPTION_HEIGHT = 2 * LINE_HEIGHT + 12;
const WHITE = [255, 255, 255] as const;

/** Draws what was asked for; an abort leaves whole files and says that some are missing. Throws StorageError. */
export async function drawFailures(
  failed: readonly FailedEpisode[],
  { rig, sheet, videos }: FailurePictureChoice,
  listener: RunListener,
  signal: AbortSignal,
): Promise<FailurePictures> {
  const rows = sheet === undefined ? [] : failed.slice(0, SHEET_ROWS);
  const filmed = videos === undefined ? [] : failed;
  if (failed.length === 0 || (rows.length === 0 && filmed.length === 0) || signal.aborted)
    return { sheet: null, videos: [], interrupted: signal.aborted };
  const images = await SimImages.create(worldOptions(rig));
  const tiles: Tile[] = [];
  const files: string[] = [];
  try {
    for (const [i, one] of failed.entries()) {
      if (signal.aborted || i >= Math.max(rows.length, filmed.length)) break;
      const episode = readEpisode(one.path);
      if (i < rows.length) tiles.push(...sheetRow(images, episode, one));
      if (videos !== undefined) files.push(await film(images, episode, one, videos));
      listener.onProgress(i + 1, Math.max(rows.length, filmed.length), 'failures');
      await new Promise(setImmediate);
    }
  } finally {
    images.dispose();
  }
  if (sheet !== undefined && tiles.length > 0) {
    if (failed.length > rows.length)
      listener.onLine(`the contact sheet shows the first ${rows.length} of ${failed.length} failures`);
    const picture = encodePng(
      contactSheet(tiles, { columns: COLUMNS, tileWidth: TILE.width, title: titleOf(failed) }),
    );
    makeFolderOf(sheet);
    storing(sheet, () => {
      writeFileSync(sheet, picture);
    });
  }
  return { sheet: sheet ?? null, videos: files, interrupted: signal.aborted };
}

/** Tiles from left to right; captions name the seed, the fault and what it is told by. */
function sheetRow(images: SimImages, episode: EpisodeData, { policy, seed, failure }: FailedEpisode): Tile[] {
  const last = episode.steps - 1;
  const tile = (step: number, request: ImageRequest, text: string): Tile => {
    const rgb = new Uint8Array(imageBytes(request));
    images.image(episode, step, request, rgb);
    return {
      image: { width: request.width, height: request.height, rgb },
      label: `${seconds(step)}  ${text}`,
      good: false,
    };
  };
  const texts = [`seed ${seed}`, policy];
  return [
    ...EARLY_STEPS.map((step, i) => tile(Math.min(step, last), TABLE, texts[i]!)),
    tile(failure.step, MEETING[0], failure.kind.toUpperCase()),
    { ...tile(failure.step, MEETING[1], ''), label: failure.text },
    tile(last, TABLE, `reward ${episode.outcome.finalReward}, at most ${episode.outcome.maxReward}`),
  ];
}

/** All cameras, with a caption. Returns the path of what was written. Throws StorageError. */
async function film(
  images: SimImages,
  episode: EpisodeData,
  { policy, seed, failure }: FailedEpisode,
  folder: string,
): Promise<string> {
  storing(folder, () => mkdirSync(folder, { recursive: true }));
  const name = `${policy}-${seed}-${failure.kind}`.replaceAll(/[^\w.-]+/g, '-').replace(/^[.-]+/, '');
  const height = FILM.height + CAPTION_HEIGHT;
  const video = openVideo(join(folder, `${name}.mp4`), FILM.width, height, FILM.framesPerSecond);
  const frame = blankImage(FILM.width, height);
  const pictures = FILM.requests.map((request) => new Uint8Array(imageBytes(request)));
  for (let step = 0; step < episode.steps; step += FILM.every) {
    FILM.requests.forEach((request, i) => {
      images.image(episode, step, request, pictures[i]!);
    });
    paste(frame, mosaic(pictures), 0, 0);
    fillRectangle(frame, 0, FILM.height, FILM.width, CAPTION_HEIGHT, [0, 0, 0]);
    const caption = `seed ${seed}  ${seconds(step)}  reward ${episode.reward[step]}`;
    drawText(frame, caption, 6, FILM.height + 6, WHITE);
    if (step >= failure.step) drawText(frame, failure.text, 6, FILM.height + 6 + LINE_HEIGHT, WHITE);
    await video.add(frame.rgb);
  }
  return (await video.finish()).path;
}

function titleOf(failed: readonly FailedEpisode[]): string {
  const kinds = countFailures(failed.map(({ failure }) => failure)).map(
    ({ kind, count }) => `${count} ${kind}`,
  );
  return `${failed.length} failed: ${kinds.join(', ')}`;
}

const seconds = (step: number): string => `${(step * CONTROL_PERIOD_S).toFixed(1)} s`;
