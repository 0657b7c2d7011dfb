/** Emulated servos that move a simulated world: the real driver over pseudo-terminals, physics behind it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { defaultRig, type Rig } from '#alohad/config/rig.js';
import { recordEpisodes } from '#alohad/daemon/recording.js';
import { withWorkcell } from '#alohad/daemon/withWorkcell.js';
import { START_POSE } from '#alohad/control/startRitual.js';
import { createExpert } from '#alohad/daemon/parts.js';
import { EpisodeStore } from '#alohad/episodes/episodeStore.js';
import { sampleStartPose } from '#alohad/simulation/startPoses.js';

const folder = mkdtempSync(join(tmpdir(), 'alohad-emulated-'));
afterAll(() => rmSync(folder, { recursive: true }));

const rig: Rig = {
  ...defaultRig(),
  backend: 'emulated',
  buses: Object.fromEntries(
    ['left', 'right'].map((side) => [
      `follower_${side}`,
      { port: join(folder, `follower_${side}`), arm: 'vx300s', gripper: 'aloha' },
    ]),
  ),
};
const never = { aborted: false };

describe('the emulated workcell', () => {
  it('brings arms from sleep to start, moves objects by servos, and parks them before torque goes off', async () => {
    const start = sampleStartPose('insertion', 0);
    const rewards: number[] = [];
    const { outcome, parked } = await withWorkcell({ rig, pace: 'realtime' }, async (cell, session) => {
      const asleep = cell.robot.observe().qpos.slice();
      expect(asleep[1]).toBeLessThan(-1.5);
      expect(await cell.begin(start, () => session.align(START_POSE, never))).toBe(true);
      const { qpos, environmentState } = cell.robot.observe();
      for (const joint of [0, 1, 2, 4, 7, 8, 9, 11])
        expect(Math.abs(qpos[joint]! - START_POSE[joint]!)).toBeLessThan(0.1);
      // Peg and socket lie where the start pose says, on the table.
      expect(environmentState[0]).toBeCloseTo(start.objects[0]!, 2);
      expect(environmentState[8]).toBeCloseTo(start.objects[8]!, 2);
      const played = await session.episode({
        source: createExpert('insertion', { seed: 0, positionM: 0, timing: 0 }),
        judge: cell.judge,
        steps: 400,
        signal: never,
        listeners: [{ onStep: ({ reward }) => rewards.push(reward) }],
      });
      await cell.park(() => session.park());
      return { outcome: played, parked: cell.robot.observe().qpos.slice() };
    });
    // A busy machine may lose the race with real time; what moved the objects is the servos in any case.
    expect(outcome.maxReward).toBeGreaterThanOrEqual(2);
    expect(rewards[0]).toBe(0);
    expect(parked[1]).toBeLessThan(-1.5);
  }, 60_000);

  it('records episodes with physics states, of which pictures can be drawn', async () => {
    const directory = join(folder, 'episodes');
    const report = await recordEpisodes(
      {
        rig,
        policy: 'script',
        episodes: 1,
        seed: 0,
        directory,
        images: 'none',
        keep: 'all',
        waypointNoise: 0,
        timing: 0,
        shake: 0,
        workers: 1,
        pace: 'realtime',
      },
      { onProgress: () => {}, onLine: () => {} },
      new AbortController().signal,
    );
    expect(report.kept).toBe(1);
    const [entry] = EpisodeStore.open(directory).list();
    expect(entry!.info.backend).toBe('emulated');
    const { steps, physicsState, environmentState } = EpisodeStore.open(directory).read(entry!.name);
    expect(steps).toBe(400);
    expect(physicsState.length % steps).toBe(0);
    expect(physicsState.length).toBeGreaterThan(steps * 50);
    expect(environmentState.length).toBe(steps * 14);
  }, 60_000);
});
