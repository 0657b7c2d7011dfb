/** The loop when things go wrong: killed, an episode that cannot be read, a full disk, a step that diverges. */
import { describe, expect, test } from 'vitest';
import { DiskFullError } from '#alohad/contract/errors.js';
import { type AlgorithmName, scriptedRun } from './scriptedRun.js';

const ROLLOUTS = 9;
const ALGORITHMS: readonly AlgorithmName[] = ['none', 'self-imitation', 'chunk-critic'];

describe.each(ALGORITHMS)('with %s', (algorithm) => {
  test('a run that is killed behind a checkpoint and resumed ends bit-equal', async () => {
    const whole = await scriptedRun({ algorithm, rollouts: ROLLOUTS });
    if (algorithm === 'chunk-critic')
      expect(whole.reports.filter(({ criticSteps = 0 }) => criticSteps > 0).length).toBeGreaterThan(5);
    const killed = await scriptedRun({
      algorithm,
      rollouts: ROLLOUTS,
      beforePlay: (index) => {
        if (index === 7) throw new Error('killed');
      },
    });
    expect(killed.error).toEqual(new Error('killed'));
    const from = killed.checkpoints.at(-1)!;
    expect([from.state.rollouts, killed.log.length]).toEqual([4, 7]);
    const resumed = await scriptedRun({ algorithm, rollouts: ROLLOUTS, from, log: [...killed.log] });
    expect(resumed.played).toEqual([7, 8]);
    expect(resumed.weights).toEqual(whole.weights);
    expect(resumed.critic).toEqual(whole.critic);
    expect(resumed.end).toEqual(whole.end);
  });

  test('a full disk pauses the run, which then goes on as if nothing had been', async () => {
    const whole = await scriptedRun({ algorithm, rollouts: 5 });
    let [plays, appends] = [0, 0];
    const paused = await scriptedRun({
      algorithm,
      rollouts: 5,
      beforePlay: (index) => {
        if (index === 2 && plays++ < 2) throw new DiskFullError('no space for the roll-out');
      },
      beforeAppend: (index) => {
        if (index === 3 && appends++ < 1) throw new DiskFullError('no space for the log');
      },
    });
    expect(paused.said.map((text) => text.split('.')[0])).toEqual([
      'paused: no space for the roll-out',
      expect.stringMatching(/^there is space again/),
      'paused: no space for the log',
      expect.stringMatching(/^there is space again/),
    ]);
    expect(paused.played).toEqual([0, 1, 2, 3, 4]);
    expect(paused.weights).toEqual(whole.weights);
  });
});

test('Ctrl-C ends a pause: what was played is kept', async () => {
  const stop = new AbortController();
  const run = await scriptedRun({
    algorithm: 'none',
    rollouts: 5,
    signal: stop.signal,
    beforePlay: (index) => {
      if (index < 3) return;
      setTimeout(() => stop.abort(), 5);
      throw new DiskFullError('no space');
    },
  });
  expect(run.error).toBeUndefined();
  expect(run.end.rollouts).toBe(3);
  expect(run.checkpoints.at(-1)!.state.rollouts).toBe(3);
});

test('an episode that becomes unreadable is set aside once, and no step is taken twice', async () => {
  let broken = false;
  const run = await scriptedRun({
    algorithm: 'chunk-critic',
    rollouts: ROLLOUTS,
    beforePlay: (index) => {
      broken ||= index === 5;
    },
    isReadable: (path) => !(broken && (path === 'roll-out 1' || path === 'roll-out 3')),
  });
  expect(run.error).toBeUndefined();
  expect([...run.quarantined].toSorted()).toEqual(['roll-out 1', 'roll-out 3']);
  // One actor step per roll-out from the third on, and two cloning steps after every second.
  expect(run.weights.get('step')!.data[0]).toBe(ROLLOUTS - 2 + 8);
  const criticSteps = run.reports.reduce((sum, { criticSteps: steps = 0 }) => sum + steps, 0);
  expect(run.critic.get('step')!.data[0]).toBe(criticSteps);
});

test('a roll-out that cannot be read itself is not learned from, and said so', async () => {
  const run = await scriptedRun({
    algorithm: 'chunk-critic',
    rollouts: 7,
    isReadable: (path) => path !== 'roll-out 6',
  });
  expect(run.quarantined).toEqual(['roll-out 6']);
  expect(run.reports.at(-1)).toMatchObject({ quarantined: 1 });
});

test('a step that diverges leaves finite weights as they were, and its batch is named', async () => {
  const run = await scriptedRun({
    algorithm: 'self-imitation',
    rollouts: 6,
    spoil: (samples, batch) => {
      if (samples.some(({ path }) => path === 'roll-out 4')) batch.actions.fill(Number.NaN);
    },
  });
  expect(run.error).toBeUndefined();
  const [first] = run.divergences;
  expect(first!.what).toMatch(/^roll-out [45]$/);
  expect(first!.reason).toContain('loss NaN');
  expect(first!.batches.at(-1)!.some(({ path }) => path === 'roll-out 4')).toBe(true);
  for (const { data } of run.weights.values())
    expect(data.every((value) => Number.isFinite(value))).toBe(true);
});
