/** What people look at: the contact sheet, the film and the live window of a run. */
import { writeFileSync } from 'node:fs';
import { CAMERAS, type ImageRequest } from '../contract/camera.js';
import { storing } from '../contract/systemError.js';
import { EPISODE_STEPS, type StartPose } from '../contract/task.js';
import { WatchServer } from '../dashboard/watchServer.js';
import { contactSheet, type Tile } from '../imaging/contactSheet.js';
import { encodeJpeg } from '../imaging/jpeg.js';
import { encodePng } from '../imaging/png.js';
import { openVideo, type VideoWriter } from '../imaging/video.js';
import type { ControlMessage, EpisodeResult, View } from './controlJob.js';
import { FILM, FILM_TILE, mosaic } from './film.js';
import { makeFolderOf } from './makeFolderOf.js';

type Frame = Extract<ControlMessage, { kind: 'frame' }>;

export interface PictureChoice {
  readonly sheet?: string;
  readonly video?: string;
  readonly watchPort?: number;
  readonly pace: 'realtime' | 'fast';
}

/** Moments of an episode on the contact sheet: start, over the objects, lifted, face to face, end. */
const SHEET_STEPS = [0, 110, 200, 280, EPISODE_STEPS - 1] as const;
const SHEET_REQUEST: ImageRequest = {
  camera: 'cam_high',
  width: 320,
  height: 200,
  region: { x: 120, y: 165, width: 400, height: 250 },
};
/** A sheet with more rows than this is not looked at. */
const SHEET_EPISODES = 25;

const WATCH_EVERY = 3;

export class Pictures {
  readonly views: readonly View[];
  readonly #choice: PictureChoice;
  readonly #starts: readonly StartPose[];
  readonly #tiles = new Map<number, Map<number, Frame>>();
  readonly #film: VideoWriter | undefined;
  readonly #watch: WatchServer | undefined;
  #filming: Promise<void> = Promise.resolve();

  /** Throws UsageError when the port of the live window is taken. */
  static async open(
    choice: PictureChoice,
    starts: readonly StartPose[],
    listener: { onLine(line: string): void },
  ): Promise<Pictures> {
    const watch =
      choice.watchPort === undefined ? undefined : await WatchServer.start(CAMERAS, choice.watchPort);
    if (watch) listener.onLine(`live window: ${watch.url}`);
    return new Pictures(choice, starts, watch);
  }

  private constructor(choice: PictureChoice, starts: readonly StartPose[], watch: WatchServer | undefined) {
    this.#choice = choice;
    this.#starts = starts;
    this.#watch = watch;
    if (choice.video !== undefined) {
      makeFolderOf(choice.video);
      this.#film = openVideo(choice.video, FILM.width, FILM.height, FILM.framesPerSecond);
    }
    this.views = [
      ...(choice.sheet === undefined ? [] : [{ name: 'sheet', requests: [SHEET_REQUEST], at: SHEET_STEPS }]),
      ...(this.#film ? [{ name: 'film', requests: FILM.requests, at: FILM.every }] : []),
      ...(watch ? [{ name: 'watch', requests: FILM.requests, at: WATCH_EVERY }] : []),
    ];
  }

  onFrame(episode: number, frame: Frame): void {
    switch (frame.view) {
      case 'sheet': {
        if (episode >= SHEET_EPISODES) return;
        const row = this.#tiles.get(episode) ?? new Map<number, Frame>();
        this.#tiles.set(episode, row.set(frame.step, frame));
        return;
      }
      case 'film':
        this.#filming = this.#filming.then(() => this.#film?.add(mosaic(frame.images).rgb));
        return;
      case 'watch':
        frame.images.forEach((rgb, i) => {
          this.#watch?.frame(CAMERAS[i]!, encodeJpeg({ ...FILM_TILE, rgb }));
        });
    }
  }

  onStep(episode: number, step: number, tally: string): void {
    const of = `episode ${episode + 1} of ${this.#starts.length}`;
    this.#watch?.state({ line: of, rate: tally, step: step / EPISODE_STEPS });
  }

  /** Completes the files. Throws StorageError. */
  async finish(
    results: readonly (EpisodeResult | undefined)[],
  ): Promise<{ sheet: string | null; video: string | null }> {
    await this.#filming;
    const film = await this.#film?.finish();
    return { sheet: this.#writeSheet(results), video: film?.path ?? null };
  }

  async close(): Promise<void> {
    await this.#watch?.close();
  }

  #writeSheet(results: readonly (EpisodeResult | undefined)[]): string | null {
    const path = this.#choice.sheet;
    const tiles: Tile[] = [...this.#tiles.entries()]
      .sort(([a], [b]) => a - b)
      .flatMap(([episode, row]) => {
        const result = results[episode];
        // An interrupted episode has no result and no place on the sheet.
        if (!result || row.size < SHEET_STEPS.length) return [];
        return [...row.values()].map(({ step, images, reward }) => ({
          image: { width: SHEET_REQUEST.width, height: SHEET_REQUEST.height, rgb: images[0]! },
          label: `seed ${result.seed}  ${(step / 50).toFixed(1)} s  reward ${reward}`,
          good: result.outcome.success,
        }));
      });
    if (path === undefined || tiles.length === 0) return null;
    const sheet = encodePng(contactSheet(tiles, { columns: SHEET_STEPS.length, tileWidth: 320 }));
    makeFolderOf(path);
    storing(path, () => {
      writeFileSync(path, sheet);
    });
    return path;
  }
}
