/** Teleoperation and recording of demonstrations end to end without a person: emulated leaders are shown an expert's episode. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { EpisodeStore } from '#alohad/episodes/episodeStore.js';
import { alohad } from './alohad.js';

/** A busy machine may lose the race with real time. */
const ATTEMPTS = 3;
const SEED = 3;

const folder = mkdtempSync(join(tmpdir(), 'alohad-teleop-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('records a demonstration that solves the task, through leaders, driver, followers and physics', async () => {
  const shown = join(folder, 'shown');
  const takes = (out: string): string[] => {
    return ['--episodes', '1', '--seed', `${SEED}`, '--images', 'none', '--out', out];
  };
  const expert = await alohad(['record', ...takes(shown)]);
  expect(expert.code, expert.stderr).toBe(0);
  const buses = ['follower_left', 'follower_right', 'leader_left', 'leader_right'].map(
    (name) =>
      `  ${name}: { port: ${join(folder, name)}, arm: ${name.startsWith('leader') ? 'wx250s' : 'vx300s'} }\n`,
  );
  const rig = join(folder, 'rig.yaml');
  const [episode] = EpisodeStore.open(shown).list();
  writeFileSync(
    rig,
    `backend: emulated\nbuses:\n${buses.join('')}emulator: { leaders: ['${episode!.path}'] }\n`,
  );
  const taught = join(folder, 'taught');
  let rewards: number[] = [];
  for (let attempt = 0; attempt < ATTEMPTS && !rewards.includes(4); attempt++) {
    const { code, stderr } = await alohad([
      'record',
      '--policy',
      'teleop',
      '--keep',
      'all',
      '--rig',
      rig,
      ...takes(taught),
    ]);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('close both leader grippers to begin');
    rewards = EpisodeStore.open(taught)
      .list()
      .map(({ outcome }) => outcome.maxReward);
  }
  expect(rewards).toContain(4);
  const best = EpisodeStore.open(taught).list()[rewards.indexOf(4)]!;
  expect(best.info).toMatchObject({ source: 'teleop', backend: 'emulated', seed: SEED });
}, 180_000);
