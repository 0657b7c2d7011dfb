/** Every mistake a user can make on the command line: one message that says what to do, no stack, the right exit code. */
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alohad } from './alohad.js';

let folder = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'alohad-cli-'));
  const recorded = await alohad([
    'record',
    '--episodes',
    '1',
    '--images',
    'none',
    '--out',
    join(folder, 'episodes'),
  ]);
  expect(recorded.code, recorded.stderr).toBe(0);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

const SCENE_WITHOUT_JOINTS =
  '<mujoco><worldbody><geom type="plane" size="1 1 1"/><body><joint name="nothing"/><geom size=".1"/></body></worldbody></mujoco>';

describe('bad input', () => {
  const cases: readonly [string, () => string[], number, RegExp][] = [
    ['unknown verb', () => ['fly'], 2, /unknown command 'fly'/],
    ['unknown option', () => ['trial', '--episode', '3'], 2, /did you mean --episodes/i],
    ['unknown task', () => ['trial', '--task', 'juggling'], 2, /insertion, transfer_cube/],
    ['episodes not a number', () => ['trial', '--episodes', 'many'], 2, /whole number/],
    [
      'missing checkpoint',
      () => ['trial', '--policy', join(folder, 'nowhere')],
      1,
      /no checkpoint folder .*nowhere/,
    ],
    [
      'missing rig file',
      () => ['trial', '--rig', join(folder, 'no.yaml')],
      2,
      /no\.yaml cannot be read: there is no such file/,
    ],
    ['rig file that is not YAML', () => ['trial', '--rig', file('a.yaml', 'a: [')], 2, /a\.yaml is not YAML/],
    [
      'rig file with a misspelt key',
      () => ['trial', '--rig', file('b.yaml', 'taks: insertion')],
      2,
      /Unrecognized key: "taks"/,
    ],
    [
      'rig file with an unknown task',
      () => ['trial', '--rig', file('c.yaml', 'task: sewing')],
      2,
      /insertion.*transfer_cube/s,
    ],
    ['missing scene', () => ['trial', '--policy', 'script', '--scene', join(folder, 'no.xml')], 2, /no\.xml/],
    [
      'scene without the joints',
      () => ['trial', '--policy', 'script', '--scene', file('empty.xml', SCENE_WITHOUT_JOINTS)],
      2,
      /waist/,
    ],
    [
      'scene that is not MJCF',
      () => ['trial', '--policy', 'script', '--scene', file('x.xml', '<mujoco')],
      2,
      /x\.xml/,
    ],
    ['workers in real time', () => ['trial', '--policy', 'script', '--workers', '2'], 2, /--pace fast/],
    [
      'more episodes than the pool has',
      () => ['trial', '--policy', 'script', '--poses', 'valid', '--episodes', '251'],
      2,
      /has 250 poses/,
    ],
    ['missing episode', () => ['replay', join(folder, 'no.mcap')], 1, /no\.mcap/],
    ['missing episode folder', () => ['episodes', 'list', join(folder, 'no')], 1, /no such file or folder/],
    ['no training configuration', () => ['train', '--episodes', folder], 2, /--config/],
    [
      'training configuration with a mistake',
      () => [
        'train',
        '--episodes',
        folder,
        '--config',
        file('t.yaml', 'name: x\ntask: insertion\nsteps: -1'),
      ],
      2,
      /steps/,
    ],
    [
      'a network that cannot be built',
      () => [
        'train',
        '--episodes',
        join(folder, 'episodes'),
        '--out',
        join(folder, 'run'),
        '--config',
        file(
          'n.yaml',
          'name: x\ntask: insertion\nsteps: 1\nenvironmentState: true\nnetwork: { dModel: 30, heads: 4 }',
        ),
      ],
      2,
      /dModel 30 is not a multiple of heads 4/,
    ],
    [
      'nothing to learn from',
      () => ['train', '--episodes', folder, '--config', file('u.yaml', 'name: x\ntask: insertion\nsteps: 1')],
      1,
      /alohad record/,
    ],
    [
      'import of something that is not there',
      () => ['policy', 'import', join(folder, 'a.ckpt'), '--out', join(folder, 'p')],
      1,
      /a\.ckpt/,
    ],
  ];
  it.each(cases)('%s', async (_, args, code, message) => {
    const result = await alohad(args());
    expect(result.stderr).toMatch(message);
    expect(result.stderr).not.toMatch(/^\s+at /m);
    expect(result.code).toBe(code);
  });

  it('a truncated episode is refused, and nothing is left behind', async () => {
    const [name] = readdirSync(join(folder, 'episodes')).filter((entry) => entry.endsWith('.mcap'));
    const torn = join(folder, 'torn.mcap');
    copyFileSync(join(folder, 'episodes', name ?? ''), torn);
    truncateSync(torn, 200_000);
    const replayed = await alohad(['replay', torn, '--json', join(folder, 'replay.json')]);
    expect(replayed.code).toBe(1);
    expect(replayed.stderr).toMatch(/torn\.mcap/);
    expect(existsSync(join(folder, 'replay.json'))).toBe(false);
    const verified = await alohad(['episodes', 'verify', torn]);
    expect(verified.code).toBe(1);
    expect(verified.stdout).toMatch(/FAIL/);
  });

  it('a result that cannot be written is an error', async () => {
    const result = await alohad([
      'replay',
      join(folder, 'episodes', 'seed_0000000.mcap'),
      '--json',
      join(file('file', ''), 'x.json'),
    ]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/cannot write .*x\.json/);
  });
});
