/** LeRobot's ACT folders: the same actions as its own code, both kinds of statistics, export, and bad folders. */
import { linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CheckpointError, UsageError } from '#alohad/contract/errors.js';
import { writeCheckpoint } from '#alohad/learning/checkpointFolder.js';
import { checkpointOf } from '#alohad/learning/import/importedPolicy.js';
import { importLerobotCheckpoint } from '#alohad/learning/import/lerobotCheckpoint.js';
import { exportLerobot } from '#alohad/learning/import/lerobotExport.js';
import { readStoredPolicy } from '#alohad/learning/import/storedPolicy.js';
import type { Weight } from '#alohad/network/actParameters.js';
import { decodeSafetensors, encodeSafetensors } from '#alohad/network/safetensors.js';
import {
  bytes,
  failure,
  expectSameActions,
  fixtureText,
  tensorsOf,
  type ImportFixture,
} from './importFixture.js';

interface LerobotFixture extends ImportFixture {
  /** All files but model.safetensors, as LeRobot wrote them: JSON, or base64. */
  readonly files: Readonly<Record<string, string | object>>;
}

const fixture: LerobotFixture = JSON.parse(fixtureText('lerobot'));
const NORMALIZER_FILE = 'policy_preprocessor_step_3_normalizer_processor.safetensors';
const written = mkdtempSync(join(tmpdir(), 'alohad-lerobot-'));
let model: Map<string, Weight>;
let folder: string;

beforeAll(() => {
  model = tensorsOf(fixture);
  writeFileSync(join(written, 'model.safetensors'), encodeSafetensors(model));
});
beforeEach(() => {
  folder = mkdtempSync(join(written, 'test-'));
  for (const [name, content] of Object.entries(fixture.files))
    write(name, typeof content === 'string' ? bytes(content) : JSON.stringify(content));
  linkSync(join(written, 'model.safetensors'), join(folder, 'model.safetensors'));
});
afterEach(() => rmSync(folder, { recursive: true }));
afterAll(() => rmSync(written, { recursive: true }));

function write(name: string, content: string | Uint8Array): void {
  rmSync(join(folder, name), { force: true }); // the model is a link, shared by all tests
  writeFileSync(join(folder, name), content);
}

const change = (config: object): void =>
  write('config.json', JSON.stringify({ ...Object(fixture.files['config.json']), ...config }));

const readFile = (name: string): Uint8Array => Uint8Array.from(readFileSync(join(folder, name)));

describe('a LeRobot folder', () => {
  it('gives the actions of the original code', async () => {
    const policy = importLerobotCheckpoint(folder);
    expect(policy.images.map(({ camera }) => camera)).toEqual(['top', 'left_wrist']);
    expect(policy.config).toMatchObject({ environmentStateSize: 14, cvae: true, heads: 8, chunkSize: 6 });
    await expectSameActions(policy, fixture);
  });

  it('of an older version has its statistics in model.safetensors', () => {
    const expected = importLerobotCheckpoint(folder).config;
    const buffers = new Map(model);
    for (const [name, tensor] of decodeSafetensors(readFile(NORMALIZER_FILE)).tensors) {
      const [, feature = '', statistic = ''] = /^(.*)\.(\w+)$/.exec(name) ?? [];
      const stage = feature === 'action' ? 'unnormalize_outputs' : 'normalize_inputs';
      buffers.set(`${stage}.buffer_${feature.replaceAll('.', '_')}.${statistic}`, tensor);
    }
    write('model.safetensors', encodeSafetensors(buffers));
    rmSync(join(folder, 'policy_preprocessor.json'));
    expect(importLerobotCheckpoint(folder).config).toEqual(expected);
  });

  it('can have its cameras renamed', () => {
    const cameras = ['cam_high', 'cam_left_wrist'];
    expect(importLerobotCheckpoint(folder, { cameras }).images.map(({ camera }) => camera)).toEqual(cameras);
    const error = failure(() => importLerobotCheckpoint(folder, { cameras: ['cam_high'] }));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(/trained with 2 cameras/);
  });

  it('becomes a checkpoint that exports to a LeRobot folder of the same policy', () => {
    const imported = importLerobotCheckpoint(folder);
    const stored = join(folder, 'checkpoint');
    writeCheckpoint(stored, checkpointOf(imported, 'imported', 'insertion'));
    const exported = join(folder, 'exported');
    exportLerobot(readStoredPolicy(stored), exported);
    const again = importLerobotCheckpoint(exported);
    expect(again.images).toEqual(imported.images);
    expect([...again.weights.keys()].toSorted()).toEqual([...imported.weights.keys()].toSorted());
    for (const [name, { data }] of again.weights) {
      const original = imported.weights.get(name)!.data;
      // A batch norm of mean 0 and variance 1 - 1e-5 scales by 1 up to a rounding of float32.
      const worst = data.reduce((largest, x, i) => Math.max(largest, Math.abs(x - original[i]!)), 0);
      expect(worst, name).toBeLessThan(name.endsWith('.scale') ? 2e-7 : 1e-30);
    }
  });

  it('is not written of a policy that LeRobot cannot express', () => {
    const { config, ...rest } = importLerobotCheckpoint(folder);
    const policy = { ...rest, config: { ...config, cameraEmbedding: true } };
    expect(() => exportLerobot(policy, join(folder, 'x'))).toThrow(
      /cannot express .* learned vector per camera/,
    );
  });
});

describe('a bad LeRobot folder says what is wrong', () => {
  it.each<[string, () => void, RegExp]>([
    [
      'no config.json',
      () => rmSync(join(folder, 'config.json')),
      /config\.json cannot be read.*save_pretrained/,
    ],
    ['torn config.json', () => write('config.json', '{"type": '), /config\.json is not JSON/],
    ['another policy', () => change({ type: 'diffusion' }), /only ACT policies/],
    ['another backbone', () => change({ vision_backbone: 'resnet50' }), /only resnet18/],
    ['pre-norm', () => change({ pre_norm: true }), /pre-norm transformers cannot/],
    [
      'more layers than tensors',
      () => change({ n_encoder_layers: 2 }),
      /no tensor model\.encoder\.layers\.1/,
    ],
    ['fewer layers than tensors', () => change({ use_vae: false }), /tensors have no place .*vae_encoder/],
    ['another size', () => change({ dim_model: 32 }), /has shape \[.*needs shape \[/],
    [
      'another robot',
      () => change({ output_features: { action: { type: 'ACTION', shape: [6] } } }),
      /gives 6 actions; two ALOHA arms have 14/,
    ],
    [
      'no statistics file',
      () => rmSync(join(folder, NORMALIZER_FILE)),
      /normalizer_processor\.safetensors cannot be/,
    ],
    [
      'a torn model',
      () => write('model.safetensors', readFile('model.safetensors').subarray(0, 1e6)),
      /model\.safetensors: .*cut short/,
    ],
    [
      'no statistics at all',
      () => rmSync(join(folder, 'policy_preprocessor.json')),
      /has nothing for the mean of .* without its statistics/,
    ],
    [
      'images of another normalisation',
      () => change({ normalization_mapping: { VISUAL: 'IDENTITY', STATE: 'MEAN_STD', ACTION: 'MEAN_STD' } }),
      /normalises observation\.images\.top with mean 0, 0, 0.*only ImageNet/,
    ],
  ])('%s', (_, damage, message) => {
    damage();
    const error = failure(() => importLerobotCheckpoint(folder));
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error.message).toMatch(message);
  });
});
