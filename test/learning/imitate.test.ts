import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CheckpointError, EpisodeError, UsageError } from '#alohad/contract/errors.js';
import { imitate } from '#alohad/learning/imitate.js';
import type { ImitationOptions } from '#alohad/learning/imitate.js';
import { syntheticEpisodes, tinyConfig } from './syntheticEpisodes.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'alohad-imitate-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const IMAGES = { url: new URL('./syntheticImages.mjs', import.meta.url).href, options: {} };
const CAMERAS = [
  { camera: 'cam_high', width: 16, height: 12 },
  { camera: 'cam_left_wrist', width: 16, height: 12 },
];

const options = (name: string, overrides: Partial<ImitationOptions> = {}): ImitationOptions => ({
  config: tinyConfig(),
  episodes: syntheticEpisodes(8, 30),
  runFolder: join(folder, name),
  resume: false,
  threads: 1,
  provenance: { command: 'test' },
  ...overrides,
});

const filesOf = (checkpoint: string) =>
  Object.fromEntries(
    readdirSync(checkpoint).map((name) => [name, readFileSync(join(checkpoint, name)).toString('base64')]),
  );

// Each run starts threads and sessions: under a second each alone, many times that on a busy machine.
describe('imitation', { timeout: 240_000 }, () => {
  it('learns: the validation error falls by more than a third', async () => {
    const validations: number[] = [];
    const result = await imitate(
      options('learn', {
        config: tinyConfig({ steps: 120, validation: { fraction: 0.25, every: 20, batches: 4 } }),
        onProgress: ({ validationL1 }) => validations.push(validationL1),
      }),
    );
    expect(result.interrupted).toBe(false);
    expect(result.validationL1).toBeLessThan(0.66 * validations.find((value) => !Number.isNaN(value))!);
  });

  it('resumed after an interruption ends bit-equal to an uninterrupted run', async () => {
    const config = tinyConfig({
      steps: 16,
      validation: { fraction: 0.25, every: 4, batches: 2 },
      images: CAMERAS,
      augmentation: { shift: 1, brightness: 0.1, contrast: 0.1 },
      loader: { threads: 2, ahead: 3, cacheMegabytes: 1 },
    });
    const whole = await imitate(options('whole', { config, images: IMAGES }));

    const stop = new AbortController();
    const part = options('parts', { config, images: IMAGES });
    const first = await imitate({
      ...part,
      signal: stop.signal,
      onLine: (line) => {
        if (line.startsWith('step 8:')) stop.abort();
      },
    });
    expect(first).toMatchObject({ interrupted: true, step: 8 });
    const second = await imitate({ ...part, resume: true });

    expect(second).toMatchObject({ interrupted: false, step: 16 });
    expect(filesOf(second.checkpoint)).toEqual(filesOf(whole.checkpoint));
    const validations = (path: string) =>
      readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line.includes('validationL1'));
    expect(validations(second.metrics)).toEqual(validations(whole.metrics));
  });

  it('writes a manifest that names everything the policy needs', async () => {
    const { checkpoint } = await imitate(options('manifest', { config: tinyConfig({ steps: 2 }) }));
    const manifest: unknown = JSON.parse(readFileSync(join(checkpoint, 'policy.json'), 'utf8'));
    expect(manifest).toMatchObject({
      format: 'alohad-policy',
      version: 1,
      chunkSize: 5,
      environmentStateSize: 3,
      images: [],
      provenance: { command: 'test', step: 2, training: { seed: 3 } },
    });
  });

  it('refuses a second run in a folder, a resume with another network, and one of nothing', async () => {
    const config = tinyConfig({ steps: 2 });
    await imitate(options('used', { config }));
    await expect(imitate(options('used', { config }))).rejects.toThrow(/holds a run already.*--resume/);
    const other = options('used', { config: tinyConfig({ steps: 2, batchSize: 2 }), resume: true });
    await expect(imitate(other)).rejects.toThrow(/batchSize changed/);
    await expect(imitate(options('empty', { resume: true }))).rejects.toThrow(CheckpointError);
    await expect(imitate(options('none', { episodes: [] }))).rejects.toThrow(EpisodeError);
    await expect(imitate(options('blind', { config: tinyConfig({ images: CAMERAS }) }))).rejects.toThrow(
      UsageError,
    );
  });

  it('says so when the newest checkpoint is cut short', async () => {
    const config = tinyConfig({ steps: 2 });
    const { checkpoint } = await imitate(options('torn', { config }));
    writeFileSync(
      join(checkpoint, 'optimizer.safetensors'),
      readFileSync(join(checkpoint, 'optimizer.safetensors')).subarray(0, 100),
    );
    const longer = options('torn', { config: tinyConfig({ steps: 4 }), resume: true });
    await expect(imitate(longer)).rejects.toThrow(/cannot go on from .*use an earlier checkpoint/);
  });

  it('passes on what went wrong in a loader', async () => {
    const config = tinyConfig({ images: CAMERAS });
    const failing = { ...IMAGES, options: { failAtStep: 12 } };
    await expect(imitate(options('fail', { config, images: failing }))).rejects.toThrow(
      'no image of step 12',
    );
  });
});
