/** Pictures of recorded episodes for people: a strip of time of every camera, and the joints as curves. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { CameraName } from '../contract/camera.js';
import type { EpisodeData } from '../contract/episode.js';
import { storing } from '../contract/systemError.js';
import { CONTROL_PERIOD_S, DOF, isGripper, JOINT_NAMES } from '../contract/robot.js';
import { MAX_REWARD } from '../contract/task.js';
import { EPISODE_SUFFIX } from '../episodes/episodeWriter.js';
import { readEpisode } from '../episodes/readEpisode.js';
import { readEvents } from '../episodes/readEvents.js';
import { contactSheet } from '../imaging/contactSheet.js';
import { blankImage, paste, type Image } from '../imaging/image.js';
import { plotLines, type Curve } from '../imaging/plot.js';
import { encodePng } from '../imaging/png.js';
import { chooseEpisodes } from './episodeChoice.js';
import { EpisodeFrames } from './episodeFrames.js';
import { pacer } from './pacer.js';
import type { RunListener } from './runListener.js';

export interface LooksRequest {
  readonly paths: readonly string[];
  /** Beside each episode when absent. */
  readonly out?: string;
}

export interface SheetRequest extends LooksRequest {
  readonly cameras?: readonly CameraName[];
  readonly scene?: string;
  /** Pictures per camera, from the first step to the last. */
  readonly moments: number;
}

const TILE = { width: 240, height: 180 } as const;
const PANEL = { width: 620, height: 210 } as const;

/** Writes `NAME.sheet.png` of each episode: a row per camera. Returns the paths. Throws EpisodeError, Interrupted. */
export async function drawSheets(
  request: SheetRequest,
  listener: RunListener,
  signal: AbortSignal,
): Promise<string[]> {
  const chosen = chooseEpisodes(request.paths);
  const frames = new EpisodeFrames({ ...TILE, ...request }, (line) => listener.onLine(line));
  const files: string[] = [];
  const afterEpisode = pacer(listener, signal, chosen.length, () => `${files.length} sheets`);
  try {
    for (const { name, path } of chosen) {
      const episode = readEpisode(path);
      const images = await frames.of(episode);
      const last = Math.max(0, episode.steps - 1);
      const steps = Array.from({ length: request.moments }, (_, i) =>
        Math.round((i * last) / Math.max(1, request.moments - 1)),
      );
      const tiles = images.cameras.flatMap((camera) =>
        steps.map((step) => ({
          image: { ...TILE, rgb: images.rgb(camera, step).slice() },
          label: `${camera} ${secondsAt(episode, step).toFixed(1)} s reward ${episode.reward[step]}`,
          good: episode.outcome.success,
        })),
      );
      const sheet = contactSheet(tiles, {
        columns: steps.length,
        tileWidth: TILE.width,
        title: titleOf(name, episode),
      });
      files.push(writePicture(request.out, path, 'sheet', sheet));
      await afterEpisode();
    }
  } finally {
    frames.dispose();
  }
  return files;
}

/** Writes `NAME.plot.png` of each episode: observed and commanded joints, reward, events. Returns the paths. */
export async function drawPlots(
  { paths, out }: LooksRequest,
  listener: RunListener,
  signal: AbortSignal,
): Promise<string[]> {
  const chosen = chooseEpisodes(paths);
  const files: string[] = [];
  const afterEpisode = pacer(listener, signal, chosen.length, () => `${files.length} plots`);
  for (const { path } of chosen) {
    files.push(writePicture(out, path, 'plot', jointPlot(path, readEpisode(path))));
    await afterEpisode();
  }
  return files;
}

/** In simulation the time of its world, however fast it was run; elsewhere as measured [s]. */
const secondsAt = ({ info, timeMs, steps }: EpisodeData, step: number): number =>
  info.backend === 'sim' ? step * CONTROL_PERIOD_S : (timeMs[Math.min(step, steps - 1)] ?? 0) / 1000;

/** Left arm in the left column, right arm in the right one, the reward below. */
function jointPlot(path: string, episode: EpisodeData): Image {
  const seconds = (step: number): number => secondsAt(episode, step);
  // Every episode ends with `finished`.
  const marks = readEvents(path)
    .filter(({ name }) => name !== 'finished')
    .map(({ name, step }) => ({ x: seconds(step), text: name }));
  const rows = DOF / 2;
  const page = blankImage(2 * PANEL.width, (rows + 1) * PANEL.height, [255, 255, 255]);
  const column = (name: string, values: Float64Array, joint: number): Curve => ({
    name,
    points: Array.from({ length: episode.steps }, (_, step) => ({
      x: seconds(step),
      y: values[step * DOF + joint] ?? NaN,
    })),
  });
  JOINT_NAMES.forEach((joint, i) => {
    const panel = plotLines(joint, [column('action', episode.action, i), column('qpos', episode.qpos, i)], {
      ...PANEL,
      yLabel: isGripper(i) ? '0 closed, 1 open' : 'rad',
      xLabel: 's',
      marks: marks.map(({ x }) => ({ x, text: '' })),
    });
    paste(page, panel, Math.floor(i / rows) * PANEL.width, (i % rows) * PANEL.height);
  });
  const reward: Curve = {
    name: `reward (${MAX_REWARD} is solved)`,
    points: Array.from(episode.reward, (y, step) => ({ x: seconds(step), y })),
  };
  const title = titleOf(basename(path, EPISODE_SUFFIX), episode);
  const panel = plotLines(title, [reward], {
    width: 2 * PANEL.width,
    height: PANEL.height,
    xLabel: 's',
    marks,
  });
  paste(page, panel, 0, rows * PANEL.height);
  return page;
}

const titleOf = (name: string, { info, outcome, steps }: EpisodeData): string =>
  `${name}: ${info.task}, ${info.source}, ${steps} steps, ${outcome.success ? 'success' : 'failure'}`;

/** Written whole or not at all. Throws StorageError. */
function writePicture(out: string | undefined, episodePath: string, kind: string, image: Image): string {
  const folder = out ?? dirname(episodePath);
  const path = join(folder, `${basename(episodePath, EPISODE_SUFFIX)}.${kind}.png`);
  storing(path, () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${path}.part`, encodePng(image));
    renameSync(`${path}.part`, path);
  });
  return path;
}
