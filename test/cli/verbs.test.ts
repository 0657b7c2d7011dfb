/** The verbs end to end, in simulation, as a user runs them. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodePng } from '#alohad/imaging/png.js';
import { alohad } from './alohad.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'alohad-verbs-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function json(name: string): Record<string, unknown> {
  const content: Record<string, unknown> = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  return content;
}

describe('alohad', () => {
  it('--help names every verb, and every verb has an example', async () => {
    const { stdout, code } = await alohad(['--help']);
    expect(code).toBe(0);
    for (const verb of ['trial', 'record', 'replay', 'train', 'eval', 'episodes', 'policy']) {
      expect(stdout).toContain(verb);
      const help = await alohad([verb, '--help']);
      expect(help.code).toBe(0);
      expect(help.stdout).toContain(`$ alohad ${verb}`);
    }
  });

  it('trial: the scripted expert inserts; report, interval and contact sheet are there', async () => {
    const result = await alohad([
      'trial',
      '--policy',
      'script',
      '--pace',
      'fast',
      '--episodes',
      '3',
      '--workers',
      '2',
      '--sheet',
      join(folder, 'sheet.png'),
      '--json',
      join(folder, 'trial.json'),
    ]);
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout).toContain('3 of 3 succeeded');
    expect(json('trial.json')).toMatchObject({
      task: 'insertion',
      policy: 'script',
      backend: 'sim',
      episodes: 3,
      successes: 3,
      rate: 1,
      maxReward: [4, 4, 4],
      seeds: [2_000_000, 2_000_001, 2_000_002],
      latencyMs: null,
      tick: null,
    });
    expect(json('trial.json')['wilson95']).toEqual([expect.closeTo(0.4385, 3), 1]);
    const sheet = decodePng(readFileSync(join(folder, 'sheet.png')));
    expect(sheet.width).toBeGreaterThan(1000);
    expect(new Set(sheet.rgb).size).toBeGreaterThan(50);
  });

  it('trial: the shipped state-based policy inserts, and its latency is told', async () => {
    const result = await alohad([
      'trial',
      '--policy',
      'insertion-state',
      '--pace',
      'fast',
      '--episodes',
      '2',
      '--json',
      join(folder, 's.json'),
      '--sheet',
      join(folder, 's.png'),
    ]);
    expect(result.code, result.stderr).toBe(0);
    const report = json('s.json');
    expect(report['policy']).toBe('insertion-state');
    expect(report['successes']).toBeGreaterThanOrEqual(1);
    expect(report['latencyMs']).not.toBeNull();
  });

  it('record, list, verify, replay: the same rewards', async () => {
    const out = join(folder, 'episodes');
    const recorded = await alohad([
      'record',
      '--episodes',
      '2',
      '--out',
      out,
      '--images',
      'jpeg',
      '--shake',
      '0.02',
    ]);
    expect(recorded.code, recorded.stderr).toBe(0);
    const files = readdirSync(out).filter((name) => name.endsWith('.mcap'));
    expect(files).toHaveLength(2);
    const listed = await alohad(['episodes', 'list', out]);
    expect(listed.stdout.match(/insertion {2}script/g)).toHaveLength(2);
    expect((await alohad(['episodes', 'verify', out])).stdout).toContain('2 of 2 whole');
    const replayed = await alohad(['replay', join(out, files[0] ?? '')]);
    expect(replayed.stdout).toContain('same rewards: recorded 4, replayed 4');
    expect(replayed.code).toBe(0);
    const info = await alohad(['episodes', 'info', join(out, files[0] ?? '')]);
    expect(info.stdout).toContain('"cam_left_wrist"');
  }, 120_000);

  it('Ctrl-C during a trial holds the arms and counts only finished episodes', async () => {
    const result = await alohad(
      [
        'trial',
        '--policy',
        'script',
        '--episodes',
        '50',
        '--json',
        join(folder, 'i.json'),
        '--sheet',
        join(folder, 'i.png'),
      ],
      'trial 0 %',
    );
    expect(result.code).toBe(130);
    expect(result.stderr).toContain('stopping safely');
    expect(json('i.json')).toMatchObject({ interrupted: true });
    expect(json('i.json')['episodes']).toBeLessThan(50);
  });

  it('train: stops on Ctrl-C with a checkpoint, goes on with --resume, and its policy can be tried', async () => {
    const episodes = join(folder, 'demos');
    await alohad(['record', '--episodes', '3', '--images', 'none', '--out', episodes]);
    const config = join(folder, 'tiny.yaml');
    writeFileSync(
      config,
      `name: tiny
task: insertion
images: [{ camera: cam_high, width: 32, height: 32 }]
network:
  chunkSize: 20
  backbone: { kind: small, stem: { kernel: 4, stride: 4, channels: 8 }, stages: [{ channels: 16, blocks: 1, stride: 2 }] }
  dModel: 32
  heads: 4
  feedForward: 64
  encoderLayers: 1
  cvae: false
batchSize: 4
steps: 60
validation: { fraction: 0.34, every: 30, batches: 1 }
`,
    );
    const run = join(folder, 'run');
    const train = ['train', '--episodes', episodes, '--config', config, '--out', run, '--threads', '1'];
    const stopped = await alohad(train, 'from step 0');
    expect(stopped.code).toBe(130);
    expect(stopped.stdout).toContain('--resume');
    const refused = await alohad(train);
    expect(refused.code).toBe(2);
    const resumed = await alohad([...train, '--resume']);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(resumed.stdout).toContain('done at step 60');
    expect(readdirSync(run).some((name) => name.endsWith('.png'))).toBe(true);

    const exported = join(folder, 'exported');
    expect((await alohad(['policy', 'export', run, '--out', exported])).code).toBe(0);
    const inspected = await alohad(['policy', 'inspect', exported]);
    expect(inspected.stdout).toContain('cam_high 32x32');
    const tried = await alohad([
      'trial',
      '--policy',
      exported,
      '--pace',
      'fast',
      '--episodes',
      '1',
      '--mode',
      'chunk',
      '--sheet',
      join(folder, 't.png'),
    ]);
    expect(tried.code, tried.stderr).toBe(0);
    expect(existsSync(join(folder, 't.png'))).toBe(true);
  }, 180_000);
});
