/** Policies of act and act-plus-plus: the same actions as the original code, and an answer to every damaged file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError, UsageError } from '#alohad/contract/errors.js';
import { importActCheckpoint } from '#alohad/learning/import/actCheckpoint.js';
import { readDatasetStatistics } from '#alohad/learning/import/datasetStatistics.js';
import type { ImportedPolicy } from '#alohad/learning/import/importedPolicy.js';
import type { Weight } from '#alohad/network/actParameters.js';
import {
  bytes,
  failure,
  expectSameActions,
  fixtureText,
  tensorsOf,
  type ImportFixture,
} from './importFixture.js';
import { statistics as numbers } from '../../network/referenceNumbers.js';
import { torchFile } from './torchFileWriter.js';

interface ActFixture extends ImportFixture {
  /** dataset_stats.pkl as Python's pickle writes it, by protocol. */
  readonly statistics: Readonly<Record<string, string>>;
}

const act: ActFixture = JSON.parse(fixtureText('act'));
const plusPlus: ActFixture = JSON.parse(fixtureText('act-plus-plus'));
const folder = mkdtempSync(join(tmpdir(), 'alohad-import-'));
const checkpoint = join(folder, 'policy_best.ckpt');
const statistics = join(folder, 'dataset_stats.pkl');
let tensors: Map<string, Weight>;
let plusPlusTensors: Map<string, Weight>;

beforeAll(() => {
  tensors = tensorsOf(act);
  plusPlusTensors = tensorsOf(plusPlus);
});
afterAll(() => rmSync(folder, { recursive: true }));

function load(
  state: ReadonlyMap<string, Weight>,
  pickle = act.statistics['protocol 4']!,
  cameras = ['top', 'left_wrist'],
): ImportedPolicy {
  writeFileSync(checkpoint, torchFile(state));
  writeFileSync(statistics, bytes(pickle));
  return importActCheckpoint({ checkpoint, statistics }, { cameras, imageSize: act.cameras[0]! });
}

/** The fixture's tensors with some replaced, or taken out. */
const altered = (changes: Readonly<Record<string, Weight | undefined>>): Map<string, Weight> => {
  const changed = new Map(tensors);
  for (const [name, weight] of Object.entries(changes)) {
    if (weight) changed.set(name, weight);
    else changed.delete(name);
  }
  return changed;
};

describe('an act checkpoint', () => {
  it('gives the actions of the original code, from its first decoder layer', async () => {
    const policy = load(tensors);
    expect(policy.config).toMatchObject({ decoderLayers: 1, sharedBackbone: true, cvae: true, chunkSize: 6 });
    expect(policy.images).toEqual([
      { camera: 'top', width: 96, height: 64 },
      { camera: 'left_wrist', width: 96, height: 64 },
    ]);
    await expectSameActions(policy, act);
  });

  it.each(Object.keys(act.statistics))('has statistics that can be read when pickled by %s', (protocol) => {
    writeFileSync(statistics, bytes(act.statistics[protocol]!));
    const { qpos, action } = readDatasetStatistics(statistics);
    expect(qpos).toEqual(numbers('qpos', 14));
    expect(action).toEqual(numbers('action', 14));
  });

  it('of act-plus-plus has a backbone per camera; the mobile base is cut off', async () => {
    const policy = load(plusPlusTensors, plusPlus.statistics['protocol 4']);
    expect(policy.config).toMatchObject({ sharedBackbone: false, actionSize: 14, cvae: false });
    expect(policy.provenance).toMatchObject({ format: 'act-plus-plus' });
    await expectSameActions(policy, plusPlus);
  });
});

describe('a bad act checkpoint says what is wrong', () => {
  it.each([
    [
      'a tensor missing',
      { 'model.action_head.bias': undefined },
      /no tensor model\.action_head\.bias of shape \[14\].*whole state dict/,
    ],
    ['no ACT at all', { 'model.query_embed.weight': undefined }, /no tensor model\.query_embed\.weight/],
    [
      'a tensor of another shape',
      { 'model.input_proj.bias': { shape: [3], data: new Float32Array(3) } },
      /model\.input_proj\.bias has shape \[3\], .* needs shape \[16\]/,
    ],
    [
      'NaN',
      { 'model.input_proj.bias': { shape: [16], data: new Float32Array(16).fill(NaN) } },
      /model\.input_proj\.bias holds NaN.*earlier checkpoint/,
    ],
    [
      'a tensor too many',
      { 'model.transformer.encoder.norm.weight': { shape: [16], data: new Float32Array(16) } },
      /1 tensors have no place .* model\.transformer\.encoder\.norm\.weight.*pre-norm/,
    ],
    [
      'a quantised latent',
      { 'model.latent_proj.weight': { shape: [32, 16], data: new Float32Array(512) } },
      /vector-quantised/,
    ],
    [
      'another robot',
      { 'model.input_proj_robot_state.weight': { shape: [16, 7], data: new Float32Array(112) } },
      /reads 7 joints/,
    ],
  ])('%s', (_, change, message) => {
    const error = failure(() => load(altered(change)));
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error.message).toMatch(message);
  });

  it('wants as many camera names as there are backbones', () => {
    const error = failure(() => load(plusPlusTensors, plusPlus.statistics['protocol 4'], ['top']));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(/2 image backbones.* 1 cameras were named.*--cameras/);
    expect(() => load(tensors, undefined, [])).toThrow(/shared by all its cameras/);
  });

  it('wants statistics', () => {
    writeFileSync(checkpoint, torchFile(tensors));
    expect(() =>
      importActCheckpoint({ checkpoint, statistics: join(folder, 'no.pkl') }, { cameras: ['top'] }),
    ).toThrow(/no\.pkl cannot be read.*should be the dataset_stats\.pkl/);
    // A pickle of an empty dict.
    expect(() => load(tensors, Buffer.from([0x80, 4, 0x7d, 0x2e]).toString('base64'))).toThrow(
      /qpos_mean is missing/,
    );
  });
});
