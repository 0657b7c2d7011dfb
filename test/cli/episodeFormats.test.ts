/** Export, import and pictures of a simulated episode that holds physics states only, as a user runs them. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEpisode } from '#alohad/episodes/readEpisode.js';
import { decodePng } from '#alohad/imaging/png.js';
import { alohad } from './alohad.js';

let folder = '';
let episodes = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'alohad-formats-'));
  episodes = join(folder, 'episodes');
  const recorded = await alohad(['record', '--episodes', '1', '--images', 'none', '--out', episodes]);
  expect(recorded.code, recorded.stderr).toBe(0);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const exportTo = (out: string, ...more: string[]): ReturnType<typeof alohad> =>
  alohad(['episodes', 'export', episodes, '--size', '32x24', '--out', join(folder, out), ...more]);

describe('alohad episodes', () => {
  it.each([
    ['aloha', 'jpeg', []],
    ['lerobot', 'png', ['cam_low']],
  ])('export and import of %s: the same joints, and images', async (format, images, cameras) => {
    const exported = await exportTo(
      format,
      '--format',
      format,
      '--images',
      images,
      ...cameras.flatMap((camera) => ['--cameras', camera]),
    );
    expect(exported.code, exported.stderr).toBe(0);
    expect(exported.stdout).toContain(
      `1 episodes, 400 steps, ${cameras.join(', ') || 'cam_high, cam_low, cam_left_wrist, cam_right_wrist'}`,
    );
    const back = join(folder, `${format}-back`);
    const imported = await alohad(['episodes', 'import', join(folder, format), '--out', back]);
    expect(imported.code, imported.stderr).toBe(0);
    const original = readEpisode(
      join(episodes, readdirSync(episodes).find((name) => name.endsWith('.mcap')) ?? ''),
    );
    const episode = readEpisode(join(back, 'episode_000000.mcap'));
    expect(episode.qpos).toEqual(original.qpos.map(Math.fround));
    expect(episode.action).toEqual(original.action.map(Math.fround));
    expect(episode.info).toMatchObject({ task: 'insertion', backend: 'sim', seed: original.info.seed });
    const verified = await alohad(['episodes', 'verify', back]);
    expect(verified.stdout).toContain('1 of 1 whole');
  });

  it('sheet and plot: a picture beside the episode', async () => {
    const sheet = await alohad([
      'episodes',
      'sheet',
      episodes,
      '--moments',
      '3',
      '--cameras',
      'cam_high,cam_low',
    ]);
    expect(sheet.code, sheet.stderr).toBe(0);
    expect((await alohad(['episodes', 'plot', episodes])).code).toBe(0);
    const pictures = readdirSync(episodes).filter((name) => name.endsWith('.png'));
    expect(pictures.map((name) => name.replace(/^[^.]+/, ''))).toEqual(['.plot.png', '.sheet.png']);
    const [plot, strip] = pictures.map((name) => decodePng(readFileSync(join(episodes, name))));
    expect([plot?.width, plot?.height]).toEqual([1240, 1680]);
    expect(strip?.width).toBeGreaterThan(700);
    expect(new Set(strip?.rgb).size).toBeGreaterThan(50);
  });

  it('Ctrl-C leaves no half-written file', async () => {
    const out = join(folder, 'stopped');
    const stopped = await alohad(
      ['episodes', 'export', episodes, '--format', 'aloha', '--out', out],
      'export 0 %',
    );
    expect(stopped.code, stopped.stderr).toBe(130);
    expect(stopped.stderr).toContain('0 of 1 episodes done');
    expect(existsSync(out) ? readdirSync(out) : []).toEqual([]);
  });

  it.each([
    [
      'an unknown camera',
      ['--format', 'aloha', '--cameras', 'cam_far'],
      2,
      /has no camera cam_far; its cameras: cam_high/,
    ],
    [
      'images of the other format',
      ['--format', 'aloha', '--images', 'png'],
      2,
      /--images of format aloha is raw or jpeg/,
    ],
    ['no format', [], 2, /required option '--format/],
    ['a size that is none', ['--format', 'aloha', '--size', 'big'], 2, /WIDTHxHEIGHT/],
  ])('export with %s', async (_, more, code, message) => {
    const result = await exportTo('refused', ...more);
    expect(result.stderr).toMatch(message);
    expect(result.code).toBe(code);
  });

  it('names what is there already, and what is nothing', async () => {
    const taken = await exportTo('episodes', '--format', 'lerobot', '--images', 'png');
    expect([taken.code, taken.stderr]).toEqual([
      1,
      expect.stringContaining('exists already; choose another --out'),
    ]);
    const nothing = await alohad(['episodes', 'import', episodes, '--out', join(folder, 'y')]);
    expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('neither a LeRobot dataset')]);
    const empty = join(folder, 'blind');
    const back = await alohad([
      'episodes',
      'export',
      join(folder, 'nowhere'),
      '--format',
      'aloha',
      '--out',
      empty,
    ]);
    expect([back.code, back.stderr]).toEqual([1, expect.stringContaining('there is no episode or folder')]);
  });
});
