import { mkdtemp, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CheckpointError } from '#alohad/contract/errors.js';
import { CHECKPOINT_FILES } from '#alohad/contract/checkpoint.js';
import { loadCheckpoint } from '#alohad/policy/checkpoint.js';
import { InferenceClient } from '#alohad/policy/inferenceClient.js';
import { TINY_IMAGES, writeTinyPolicy } from './tinyPolicy.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'alohad-checkpoint-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Changes the manifest in place; the network stays as it is. */
async function alter(change: (manifest: Record<string, unknown>) => void): Promise<void> {
  const path = join(folder, CHECKPOINT_FILES.manifest);
  const manifest = JSON.parse(await readFile(path, 'utf8'));
  change(manifest);
  await writeFile(path, JSON.stringify(manifest));
}

async function refusal(load: () => Promise<unknown> = () => loadCheckpoint(folder)): Promise<string> {
  const error: unknown = await load().then(
    () => new Error('it loaded'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(CheckpointError);
  return String(error);
}

describe('loadCheckpoint', () => {
  it('reads a whole checkpoint', async () => {
    const written = await writeTinyPolicy(folder);
    const checkpoint = await loadCheckpoint(folder);
    expect(checkpoint.manifest).toEqual(written);
  });

  it('says what is missing: the folder, the manifest or the model', async () => {
    expect(await refusal(() => loadCheckpoint(join(folder, 'none')))).toContain('no checkpoint folder');
    for (const file of [CHECKPOINT_FILES.manifest, CHECKPOINT_FILES.model]) {
      await writeTinyPolicy(folder);
      await unlink(join(folder, file));
      expect(await refusal()).toContain(`no readable ${file}`);
    }
  });

  it('sees a single flipped bit anywhere in the model', async () => {
    await writeTinyPolicy(folder);
    const path = join(folder, CHECKPOINT_FILES.model);
    const model = await readFile(path);
    for (const at of [0, model.length >> 1, model.length - 1]) {
      const flipped = Buffer.from(model);
      flipped[at]! ^= 1;
      await writeFile(path, flipped);
      expect(await refusal()).toContain('damaged or replaced');
    }
  });

  it('sees a manifest that was cut off', async () => {
    await writeTinyPolicy(folder);
    await truncate(join(folder, CHECKPOINT_FILES.manifest), 100);
    expect(await refusal()).toContain('is not JSON');
  });

  const faults: readonly [string, (manifest: Record<string, unknown>) => void, string][] = [
    ['another version', (m) => (m['version'] = 2), 'has version 2, this alohad reads version 1'],
    ['another format', (m) => (m['format'] = 'lerobot'), 'is not an alohad policy'],
    ['an unknown task', (m) => (m['task'] = 'juggling'), 'task'],
    ['no normalisation', (m) => delete m['normalisation'], 'normalisation'],
    ['no cameras', (m) => delete m['images'], 'images'],
    [
      'a short mean',
      (m) => (m['normalisation'] = { qpos: { mean: [0], std: [1] } }),
      'normalisation.qpos.mean',
    ],
    ['an empty chunk', (m) => (m['chunkSize'] = 0), 'chunkSize'],
    ['BGR images', (m) => (m['channelOrder'] = 'bgr'), 'channelOrder'],
    ['a field it does not know', (m) => (m['quantised'] = true), 'quantised'],
    [
      'a region outside the frame',
      (m) => (m['images'] = [{ ...TINY_IMAGES[0], region: { x: 600, y: 0, width: 100, height: 10 } }]),
      'region leaves the 640 x 480 frame',
    ],
  ];
  it.each(faults)('refuses %s', async (_name, change, message) => {
    await writeTinyPolicy(folder);
    await alter(change);
    expect(await refusal()).toContain(message);
  });
});

describe('a network that is not the one described', () => {
  const open = async (): Promise<void> => {
    const client = await InferenceClient.start(await loadCheckpoint(folder));
    await client.close();
  };
  const faults: readonly [string, (manifest: Record<string, unknown>) => void][] = [
    ['fewer cameras', (m) => (m['images'] = TINY_IMAGES.slice(1))],
    ['more cameras', (m) => (m['images'] = [...TINY_IMAGES, TINY_IMAGES[0]])],
    ['another image size', (m) => (m['images'] = [{ ...TINY_IMAGES[0], width: 16 }, TINY_IMAGES[1]])],
    ['another chunk size', (m) => (m['chunkSize'] = 11)],
    ['object poses', (m) => (m['environmentStateSize'] = 14)],
  ];
  it.each(faults)('is refused: %s', async (_name, change) => {
    await writeTinyPolicy(folder);
    await alter(change);
    const message = await refusal(open);
    expect(message).toContain('does not fit its policy.json');
    expect(message).toContain('network:   qpos float32 (1, 14); image_0 uint8 (1, 6, 8, 3)');
  });

  it('is refused when it is no network at all, although its checksum is right', async () => {
    await writeTinyPolicy(folder);
    await writeFile(join(folder, CHECKPOINT_FILES.model), '');
    const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    await alter((m) => (m['modelSha256'] = empty));
    expect(await refusal(open)).toContain('cannot be opened');
  });
});
