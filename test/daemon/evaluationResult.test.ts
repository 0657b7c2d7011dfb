/** What is said of episodes, and which results may be compared. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  compare,
  compareStored,
  readEvaluation,
  summarise,
  type EvaluatedEpisode,
  type EvaluationResult,
} from '#alohad/daemon/evaluationResult.js';

/** `+` solved, `-` failed; seeds count up from 10000. */
const episodesOf = (outcomes: string, firstSeed = 10_000): EvaluatedEpisode[] =>
  Array.from(outcomes, (outcome, i) => ({
    seed: firstSeed + i,
    success: outcome === '+',
    maxReward: outcome === '+' ? 4 : 2,
    finalReward: outcome === '+' ? 4 : 0,
    ...(outcome === '-' && { failure: { kind: 'peg low' as const, text: '9 mm low', step: 250 } }),
  }));

function resultOf(
  outcomes: string,
  change: Partial<EvaluationResult> = {},
  firstSeed?: number,
): EvaluationResult {
  return {
    format: 'alohad-evaluation',
    version: 1,
    softwareVersion: '0',
    at: '2026-11-26T00:00:00.000Z',
    task: 'insertion',
    sceneSha256: 'aa',
    pool: 'select',
    asked: outcomes.length,
    complete: true,
    interrupted: false,
    openTest: null,
    screen: null,
    policies: [
      {
        policy: 'p',
        modelSha256: null,
        execution: { mode: 'chunk', decay: 0.01, threads: 1, every: null },
        latencyMs: null,
        ...summarise(episodesOf(outcomes, firstSeed), false),
      },
    ],
    comparison: null,
    ...change,
  };
}

describe('a summary', () => {
  test('counts successes, rewards and failures, with both intervals', () => {
    const summary = summarise(episodesOf('+++-+++++-'), false);
    expect(summary).toMatchObject({
      played: 10,
      successes: 8,
      rate: 0.8,
      reached: [10, 10, 8, 8],
      finalReward4: 8,
      failures: [{ kind: 'peg low', count: 2 }],
    });
    // scipy.stats.binomtest(8, 10).proportion_ci(method=...)
    expect(summary.wilson95).toEqual([expect.closeTo(0.490162, 6), expect.closeTo(0.943318, 6)]);
    expect(summary.clopperPearson95).toEqual([expect.closeTo(0.443905, 6), expect.closeTo(0.974789, 6)]);
  });

  test('gives no share where the outcomes decided when to stop, nor of nothing', () => {
    const none = { rate: null, wilson95: null, clopperPearson95: null };
    expect(summarise(episodesOf('+++'), true)).toMatchObject({ successes: 3, played: 3, ...none });
    expect(summarise([], false)).toMatchObject({ successes: 0, played: 0, ...none });
  });
});

describe('two results', () => {
  const stored = (path: string, result: EvaluationResult) => ({ path, result });

  test('are paired pose by pose', () => {
    const comparison = compareStored(stored('a', resultOf('+++++-')), stored('b', resultOf('-----+')));
    // Two-sided exact: 2 (1 + 6) / 64.
    expect(comparison).toEqual({ poses: 6, won: 5, lost: 1, twoSidedP: expect.closeTo(14 / 64, 9) });
  });

  test('of which one was cut short, are paired where both played', () => {
    expect(compare(episodesOf('+-+-'), episodesOf('+-', 10_001))).toMatchObject({
      poses: 2,
      won: 1,
      lost: 1,
    });
  });

  const good = resultOf('+-+');
  test.each([
    ['other poses', resultOf('+-+', {}, 20_000), 'PoseMismatchError', /seeds 10000.*20000/],
    ['another pool', resultOf('+-+', { pool: 'valid' }), 'PoseMismatchError', /pool select and valid/],
    ['more poses', resultOf('+-++'), 'PoseMismatchError', /number of poses 3 and 4/],
    ['another task', resultOf('+-+', { task: 'transfer_cube' }), 'PoseMismatchError', /task insertion/],
    ['another scene', resultOf('+-+', { sceneSha256: 'bb' }), 'PoseMismatchError', /scene aa and bb/],
    [
      'an interrupted one',
      resultOf('+-', { asked: 3, complete: false, interrupted: true }),
      'UsageError',
      /b\.json is of an interrupted evaluation: 2 of 3/,
    ],
    [
      'a screening',
      resultOf('+-+', { screen: { p0: 0.5, p1: 0.9, verdict: 'accept', note: '' } }),
      'UsageError',
      /b\.json is a screening/,
    ],
  ])('refuse %s by name', (_, other, name, message) => {
    const attempt = () => compareStored(stored('a.json', good), stored('b.json', other));
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ name }));
  });
});

describe('a stored result', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'alohad-results-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test('comes back as it was written', () => {
    const path = join(folder, 'a.json');
    writeFileSync(path, JSON.stringify(resultOf('+-')));
    expect(readEvaluation(path)).toEqual(resultOf('+-'));
  });

  test('that is missing, no JSON or something else is refused by name', () => {
    const path = join(folder, 'b.json');
    expect(() => readEvaluation(path)).toThrow(/b\.json cannot be read: there is no such file/);
    writeFileSync(path, '{');
    expect(() => readEvaluation(path)).toThrow(/b\.json cannot be read/);
    writeFileSync(path, JSON.stringify({ ...resultOf('+'), version: 2 }));
    expect(() => readEvaluation(path)).toThrow(/b\.json is not a result of alohad eval/);
  });
});
