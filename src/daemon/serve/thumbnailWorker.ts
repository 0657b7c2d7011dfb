/**
 * Thread entry: a thumbnail per episode, three moments of its first camera side by side. They are kept in `.thumbnails`
 * beside the episodes; one that is older than its episode is made again.
 */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { AlohadError } from '../../contract/errors.js';
import { EPISODE_SUFFIX } from '../../episodes/episodeWriter.js';
import { readEpisode } from '../../episodes/readEpisode.js';
import { blankImage, paste } from '../../imaging/image.js';
import { encodeJpeg } from '../../imaging/jpeg.js';
import { stepThreadBack } from '../../realtime/background.js';
import { EpisodeFrames } from '../episodeFrames.js';

export interface ToThumbnails {
  readonly id: number;
  readonly folder: string;
  readonly name: string;
}

export interface FromThumbnails {
  readonly id: number;
  /** Absent: there is nothing to see. */
  readonly jpeg?: Uint8Array<ArrayBuffer>;
}

const TILE = { width: 112, height: 84 } as const;
/** Parts of an episode's length. */
const MOMENTS = [0, 0.5, 1] as const;
const QUALITY = 80;

const port = parentPort!;
const frames = new EpisodeFrames(TILE, () => {});
let queue = Promise.resolve();

stepThreadBack();
port.on('message', (message: ToThumbnails) => {
  queue = queue.then(async () => {
    const jpeg = await thumbnail(message);
    port.postMessage({ id: message.id, ...(jpeg && { jpeg }) } satisfies FromThumbnails);
  });
});

async function thumbnail({ folder, name }: ToThumbnails): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const path = join(folder, name + EPISODE_SUFFIX);
  const kept = join(folder, '.thumbnails', `${name}.jpg`);
  const mtimeMs = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const recordedMs = mtimeMs(path);
  if (recordedMs === 0) return undefined;
  if (mtimeMs(kept) > recordedMs) return Uint8Array.from(readFileSync(kept));
  let jpeg: Uint8Array<ArrayBuffer>;
  try {
    jpeg = await draw(path);
  } catch (error) {
    // An episode without pictures, or a file that is none, has no thumbnail; anything else is a fault.
    if (error instanceof AlohadError) return undefined;
    throw error;
  }
  keep(kept, jpeg);
  return jpeg;
}

async function draw(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const episode = readEpisode(path);
  const images = await frames.of(episode);
  const [camera] = images.cameras;
  const strip = blankImage(TILE.width * MOMENTS.length, TILE.height);
  MOMENTS.forEach((moment, i) => {
    const step = Math.round(moment * Math.max(0, episode.steps - 1));
    paste(strip, { ...TILE, rgb: images.rgb(camera!, step) }, i * TILE.width, 0);
  });
  return Uint8Array.from(encodeJpeg(strip, QUALITY));
}

/** A folder that cannot be written only costs time. */
function keep(path: string, jpeg: Uint8Array): void {
  try {
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(`${path}.${process.pid}`, jpeg);
    renameSync(`${path}.${process.pid}`, path);
  } catch {
    return;
  }
}
