import { expect, it } from 'vitest';
import { Scoreboard } from '#alohad/daemon/serve/scoreboard.js';
import { planRun } from '#alohad/daemon/serve/runs.js';
import { defaultRig } from '#alohad/config/rig.js';
import type { EpisodeResult } from '#alohad/daemon/controlJob.js';

const PLAN = planRun(
  { mode: 'record', policy: 'script', episodes: 3, images: 'none', keep: 'all' },
  defaultRig(),
  '/episodes',
);

const result = (seed: number, success: boolean): EpisodeResult => ({
  seed,
  outcome: {
    steps: 400,
    maxReward: success ? 4 : 1,
    finalReward: 0,
    success,
  },
  clampedTicks: [],
  recorded: `/episodes/${seed}.mcap`,
});

it('counts what the task told, and a person instead where there is a label', () => {
  const board = new Scoreboard(PLAN, true);
  board.add(result(0, true));
  board.add(result(1, false));
  expect(board.state).toMatchObject({ done: 2, judged: 2, successes: 1 });
  board.label('/episodes/1.mcap', true);
  board.label('/elsewhere/1.mcap', false);
  expect(board.state).toMatchObject({ done: 2, judged: 2, successes: 2 });
  board.label('/episodes/0.mcap', false);
  expect(board.summary).toContain('1 of 2 succeeded');
});

it('takes no episode for a failure that nobody judged', () => {
  const board = new Scoreboard(PLAN, false);
  board.add(result(0, false));
  board.add(result(1, false));
  expect(board.state).toMatchObject({ done: 2, judged: 0, successes: 0, wilson95: [0, 1] });
  expect(board.state.episodes.map(({ success }) => success)).toEqual([null, null]);
  expect(board.summary).toBe('2 done; nothing here tells a success');
  board.label('/episodes/1.mcap', true);
  expect(board.state).toMatchObject({ judged: 1, successes: 1 });
  expect(board.summary).toContain('1 of 1 succeeded');
});
