import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { exactMcnemar } from '#alohad/learning/evaluation/mcnemar.js';
import { hasFallenP } from '#alohad/learning/evaluation/proportions.js';
import { CollapseWatch, deploy, judgeCandidate } from '#alohad/learning/finetune/deployment.js';
import {
  decide,
  STABLE,
  withOutcome,
  type StabiliserState,
} from '#alohad/learning/finetune/stabilisation.js';

describe('exact tests', () => {
  // By exact integer sums (Python math.comb).
  test.each([
    [0, 0, 1],
    [5, 0, 0.0625],
    [10, 2, 0.038574],
    [7, 7, 1],
    [30, 12, 0.0079],
  ])('McNemar on %i and %i discordant pairs: p = %f', (first, second, p) => {
    expect(exactMcnemar(first, second).twoSided).toBeCloseTo(p, 4);
    expect(exactMcnemar(second, first).twoSided).toBeCloseTo(p, 4);
  });

  // Likewise.
  test.each([
    [{ successes: 75, trials: 100 }, { successes: 20, trials: 50 }, 0.000033],
    [{ successes: 75, trials: 100 }, { successes: 36, trials: 50 }, 0.41785],
    [{ successes: 3, trials: 4 }, { successes: 1, trials: 4 }, 0.2429],
  ])('Fisher on %o, then %o: p = %f', (before, later, p) => {
    expect(hasFallenP(before, later)).toBeCloseTo(p, 3);
  });
});

describe('promotion', () => {
  const outcomes = (text: string) => Array.from(text, (letter) => letter === '1');

  test('takes a policy that is not worse on the same poses, and says the counts', () => {
    expect(judgeCandidate(outcomes('110010'), outcomes('111010'))).toEqual({
      promoted: true,
      reason: '4 of 6 against 3, 1 won and 0 lost, p(worse) = 1.000',
    });
    expect(judgeCandidate(outcomes('1100'), outcomes('0011')).promoted).toBe(true);
  });

  test('refuses a worse one', () => {
    expect(judgeCandidate(outcomes('111110'), outcomes('110000')).promoted).toBe(false);
  });

  test('keeps the policy before for a rollback', () => {
    const folder = mkdtempSync(join(tmpdir(), 'deploy-'));
    const candidate = (text: string) => {
      const path = join(folder, 'candidate');
      mkdirSync(path);
      writeFileSync(join(path, 'policy.json'), text);
      return path;
    };
    const read = (name: string) => readFileSync(join(folder, name, 'policy.json'), 'utf8');
    for (const text of ['first', 'second', 'third']) deploy(folder, candidate(text));
    expect([read('deployed'), read('previous')]).toEqual(['third', 'second']);
    expect(existsSync(join(folder, 'candidate'))).toBe(false);
  });
});

describe('the watch for a collapse', () => {
  const promised = Array.from({ length: 100 }, (_, i) => i < 80);

  test('sees success fall from 80 to 40 %, not to 75 %', () => {
    const falls = (rate: number) => {
      const watch = new CollapseWatch();
      watch.begin(promised);
      return Array.from({ length: 100 }, (_, i) => watch.add((i * rate) % 1 < rate)).some(Boolean);
    };
    expect(falls(0.4)).toBe(true);
    expect(falls(0.75)).toBe(false);
  });

  test('is silent before anything was deployed', () => {
    const watch = new CollapseWatch();
    expect(Array.from({ length: 100 }, () => watch.add(false)).some(Boolean)).toBe(false);
  });
});

describe('adaptive stabilisation', () => {
  const good = { balancedError: 0.05, overEstimation: 0.05, underEstimation: 0.05, auc: 0.95, brier: 0.02 };
  const at = (changes: Partial<StabiliserState>): StabiliserState => ({ ...STABLE, ...changes });

  test('clones more and reinforces less when success falls, and goes back the second time in a row', () => {
    const first = decide(at({ best: 0.8, success: 0.6 }), good);
    expect(first).toMatchObject({ restore: false, state: { imitation: 2, gamma: 0.5, best: 0.8 } });
    const second = decide({ ...first.state, success: 0.6 }, good);
    expect(second).toMatchObject({ restore: true, state: { imitation: 4, gamma: 0.25 } });
    expect(decide({ ...second.state, success: 0.6 }, good).restore).toBe(false);
  });

  test('grows bolder only on a critic that can be trusted, up to a bound', () => {
    let state = at({ best: 0.7, success: 0.75 });
    expect(decide(state, { ...good, overEstimation: 0.3 }).state).toMatchObject({ gamma: 1, actorSteps: 1 });
    for (let i = 0; i < 20; i++) ({ state } = decide(state, good));
    expect(state).toMatchObject({ gamma: 10, actorSteps: 4, best: 0.75 });
  });

  test('follows success as a running mean', () => {
    let state = STABLE;
    for (let i = 0; i < 20; i++) state = withOutcome(state, i, i % 2 === 0);
    expect(state.success).toBeCloseTo(0.5, 5);
  });
});
