/**
 * Fine-tuning as a whole, in the simulator, on a tiny state-based policy: what a run leaves behind, and that a run which
 * was killed and resumed ends as one that was not.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { defaultRig } from '#alohad/config/rig.js';
import { firstOfPriorRuns, readStart, requireSameRobot } from '#alohad/daemon/finetuneInputs.js';
import type { FinetuneRequest } from '#alohad/daemon/finetuneRequest.js';
import { finetune } from '#alohad/daemon/finetuning.js';
import { EpisodeStore } from '#alohad/episodes/episodeStore.js';
import { parseFinetuneConfig } from '#alohad/learning/finetune/finetuneConfig.js';
import { RolloutLog } from '#alohad/learning/finetune/rolloutLog.js';
import { writeTinyStart } from './tinyStart.js';

const silent = { onProgress: () => {}, onLine: () => {} };
const never = new AbortController().signal;
let folder: string;
let demonstrations: string;
let policy: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'finetune-'));
  ({ demonstrations, policy } = await writeTinyStart(folder));
}, 120_000);

const OVERRIDES = {
  algorithm: 'chunk-critic',
  rollouts: 4,
  imitation: { every: 2, steps: 2 },
  evaluation: { every: 100, episodes: 1 },
  checkpointEvery: 2,
  diagnostics: { every: 2 },
  critic: { warmUp: 1, hidden: [8], channels: [4], criticSteps: 1 },
};

const request = (out: string, changes: Partial<FinetuneRequest> = {}): FinetuneRequest => ({
  rig: defaultRig(),
  policy,
  demonstrations,
  overrides: OVERRIDES,
  out: join(folder, out),
  workers: 1,
  threads: 1,
  ...changes,
});

const weightsOf = (out: string) => {
  const checkpoints = join(folder, out, 'checkpoints');
  return readFileSync(
    join(checkpoints, readdirSync(checkpoints).toSorted().at(-1)!, 'optimizer.safetensors'),
  );
};

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe.each(['chunk-critic', 'surrogate'] as const)('algorithm %s', (algorithm) => {
  const overrides = { ...OVERRIDES, algorithm };

  test('killed behind a checkpoint and resumed ends bit-equal, playing nothing twice', async () => {
    await finetune(request(`${algorithm}-whole`, { overrides }), silent, never);
    const out = `${algorithm}-killed`;
    await finetune(request(out, { overrides: { ...overrides, rollouts: 3 } }), silent, never);
    // As a kill would have left it: the newest checkpoint is older than the log, whose last line is torn.
    const checkpoints = join(folder, out, 'checkpoints');
    rmSync(join(checkpoints, 'step_00000003'), { recursive: true });
    rmSync(join(folder, out, 'evaluations.jsonl'));
    cpSync(join(folder, `${algorithm}-whole`, 'evaluations.jsonl'), join(folder, out, 'evaluations.jsonl'));
    const log = join(folder, out, 'rollouts.jsonl');
    truncateSync(log, readFileSync(log).length - 9);
    const played = readdirSync(join(folder, out, 'episodes')).filter((name) => name.endsWith('.mcap'));
    expect(played).toHaveLength(3);
    await finetune(request(out, { overrides, resume: true }), silent, never);
    expect(weightsOf(out).equals(weightsOf(`${algorithm}-whole`))).toBe(true);
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(4);
  }, 120_000);
});

describe('a run', () => {
  test('beside a daemon that is killed stops, with a checkpoint of all that was played', async () => {
    const out = join(folder, 'orphan');
    const config = join(folder, 'orphan.yaml');
    writeFileSync(config, JSON.stringify({ ...OVERRIDES, rollouts: 10_000, checkpointEvery: 10_000 }));
    const daemon = spawn(process.execPath, [
      fileURLToPath(new URL('learnerParent.mjs', import.meta.url)),
      fileURLToPath(new URL('../../../dist/main.js', import.meta.url)),
      JSON.stringify({ mode: 'finetune', policy, demonstrations, out, config, workers: 1 }),
    ]);
    const [pid] = await Promise.race([
      once(daemon.stdout, 'data'),
      once(daemon, 'exit').then(([code]) => {
        throw new Error(`it ended (${code}): ${daemon.stderr.read()}`);
      }),
    ]);
    const learner = Number(pid);
    const log = join(out, 'rollouts.jsonl');
    while (!existsSync(log) || readFileSync(log, 'utf8') === '') await sleep(20);
    daemon.kill('SIGKILL');
    while (isAlive(learner)) await sleep(20);
    const played = readFileSync(log, 'utf8').trimEnd().split('\n').length;
    expect(readdirSync(join(out, 'checkpoints'))).toContain(`step_${String(played).padStart(8, '0')}`);
    // It gives way to everything else, and a machine that runs tests is busy.
  }, 600_000);

  test('leaves a policy that serves, its log, evaluations and numbers', async () => {
    const report = await finetune(request('whole'), silent, never);
    expect(report).toMatchObject({ rollouts: 4, interrupted: false });
    expect(report.evaluations.map(({ rollouts }) => rollouts)).toEqual([0, 4]);
    expect(readdirSync(report.deployed).toSorted()).toContain('policy.onnx');
    const metrics = readFileSync(join(folder, 'whole', 'metrics.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line): Record<string, number> => JSON.parse(line));
    expect(metrics.map(({ rollout }) => rollout)).toEqual([0, 1, 2, 3]);
    expect(metrics.map(({ drift }) => drift !== undefined)).toEqual([false, true, false, true]);
    expect(metrics.at(-1)!['drift']).toBeGreaterThan(0);
    expect(report.evaluations[0]!.diagnostics).toMatchObject({ drift: 0 });
    const names = readdirSync(join(folder, 'whole'));
    expect(names.filter((name) => name.startsWith('events.out.tfevents.'))).toHaveLength(1);
    const html = readFileSync(report.page, 'utf8');
    for (const part of ['Learning curve', 'training roll-outs', '<svg', 'all settings'])
      expect(html).toContain(part);
    expect(html).not.toMatch(/(?:src|href)="(?!data:|failures\/)/); // One file.
  }, 60_000);

  test('deploys a policy with the residual that it was played with', async () => {
    const corrected = join(folder, 'corrected');
    cpSync(policy, corrected, { recursive: true });
    const path = join(corrected, 'policy.json');
    const residual = { fromStep: 200, arm: 'right', offsetM: [0, 0, 0.004] };
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), residual }));
    const short = { ...OVERRIDES, rollouts: 1 };
    const { deployed } = await finetune(
      request('with-residual', { policy: corrected, overrides: short }),
      silent,
      never,
    );
    expect(JSON.parse(readFileSync(join(deployed, 'policy.json'), 'utf8'))).toMatchObject({ residual });
  }, 60_000);

  test('leaves a corrupt demonstration out, names it, and goes on', async () => {
    const demos = join(folder, 'damaged');
    cpSync(demonstrations, demos, { recursive: true });
    const victim = readdirSync(demos).find((name) => name.endsWith('.mcap'))!;
    const bytes = readFileSync(join(demos, victim));
    const middle = Math.floor(bytes.length / 2);
    bytes.fill(0xff, middle, middle + 64);
    writeFileSync(join(demos, victim), bytes);
    const lines: string[] = [];
    const listener = { ...silent, onLine: (line: string) => lines.push(line) };
    const report = await finetune(request('corrupt', { demonstrations: demos }), listener, never);
    expect(report.rollouts).toBe(4);
    expect(lines.join('\n')).toContain(`${victim} is left out`);
  }, 60_000);

  test('refuses a folder that holds another run, and other settings on resume, naming them', async () => {
    await expect(finetune(request('whole'), silent, never)).rejects.toThrow('add --resume');
    const other = { ...OVERRIDES, batchSize: 6 };
    await expect(
      finetune(request('whole', { resume: true, overrides: other }), silent, never),
    ).rejects.toThrow('batchSize changed');
    await expect(finetune(request('nothing', { resume: true }), silent, never)).rejects.toThrow(
      'holds no run to resume',
    );
  });

  test('refuses a policy whose actions are normalised for another robot', async () => {
    const other = join(folder, 'other-units');
    cpSync(policy, other, { recursive: true });
    const path = join(other, 'policy.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8'));
    manifest.architecture.normalisation.action.mean = manifest.architecture.normalisation.action.mean.map(
      (value: number) => value + 180,
    );
    writeFileSync(path, JSON.stringify(manifest));
    await expect(finetune(request('refused', { policy: other }), silent, never)).rejects.toThrow(
      /other units, joint order or gripper convention/,
    );
  });

  test('refuses episodes without the cameras that the policy looks through', () => {
    const start = readStart(request('refused'), parseFinetuneConfig({}));
    const images = ['cam_high', 'cam_low'].map((camera) => ({ camera, width: 8, height: 8 }));
    const seeing = { ...start, manifest: { ...start.manifest, images } };
    const [episode] = EpisodeStore.open(demonstrations).list();
    const entry = { path: episode!.path, cameras: ['cam_high'], fromStates: false };
    expect(() => requireSameRobot(seeing, [entry], request('refused'))).toThrow(
      /looks through cam_low.*did not record/,
    );
  });

  test('refuses roll-outs of a past run of another task', async () => {
    const past = join(folder, 'past');
    mkdirSync(past);
    const [episode] = EpisodeStore.open(demonstrations).list();
    new RolloutLog(past).append({
      index: 0,
      seed: 0,
      path: episode!.path,
      actorVersion: 0,
      maxReward: 4,
      finalReward: 4,
      reward: Float64Array.of(4),
    });
    const prior = { ...OVERRIDES, prior: { folders: [past] } };
    const rig = { ...defaultRig(), task: 'transfer_cube' as const };
    expect(() => firstOfPriorRuns(parseFinetuneConfig(prior), { ...request('refused'), rig })).toThrow(
      `${past} is a run of insertion, the rig's task is transfer_cube`,
    );
  });

  test('names a bad setting', async () => {
    const bad = { algorithm: 'chunk-critic', critic: { gama: 1 } };
    await expect(finetune(request('bad', { overrides: bad }), silent, never)).rejects.toThrow('gama');
  });
});
