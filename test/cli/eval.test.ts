/** `alohad eval` end to end: counts, refusals, screening, pictures of failures. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEvaluation } from '#alohad/daemon/evaluationResult.js';
import { failureOf } from '#alohad/simulation/failures.js';
import { readEpisode } from '#alohad/episodes/readEpisode.js';
import { decodePng } from '#alohad/imaging/png.js';
import { readPool } from '#alohad/simulation/startPoses.js';
import { alohad, type Finished } from './alohad.js';

let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'alohad-eval-test-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a command line without blanks inside its arguments. */
const evaluate = async (line: string, interruptAfter?: string): Promise<Finished> =>
  await alohad(`eval ${line}`.split(' '), interruptAfter);

/** The script in a rig whose arms are so slow that no episode can succeed. */
const slowRig = (): string => {
  const path = at('slow.yaml');
  writeFileSync(path, 'task: insertion\nlimits: { velocityRadPerS: 0.5 }\n');
  return path;
};

describe('alohad eval', () => {
  it('counts the shipped state policy on the first SELECT poses, against the script', async () => {
    const result = await evaluate(
      `--policy insertion-state --against script --mode chunk --episodes 3 --json ${at('a.json')}`,
    );
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout).toMatch(/insertion-state \(chunk\): [23] of 3 succeeded.*Wilson .*Clopper-Pearson/);
    expect(result.stdout).toMatch(/on 3 common poses: .* exact McNemar p = /);
    const stored = readEvaluation(at('a.json'));
    expect(stored).toMatchObject({
      pool: 'select',
      asked: 3,
      complete: true,
      interrupted: false,
      openTest: null,
    });
    const seeds = readPool('select', 'insertion').map(({ seed }) => seed);
    const [policy, against] = stored.policies;
    expect(policy!.episodes.map(({ seed }) => seed)).toEqual(seeds.slice(0, 3));
    expect(policy!.latencyMs).not.toBeNull();
    expect(against).toMatchObject({
      policy: 'script',
      successes: 3,
      reached: [3, 3, 3, 3],
      modelSha256: null,
    });
    expect(stored.comparison?.lost).toBe(3 - policy!.successes);
  }, 120_000);

  it('names failures, keeps their episodes, and draws them', async () => {
    const result = await evaluate(
      `--policy script --rig ${slowRig()} --episodes 2 --json ${at('slow.json')} ` +
        `--failures ${at('failures')} --sheet ${at('pictures/sheet.png')}`,
    );
    expect(result.code, result.stderr).toBe(0);
    const [policy] = readEvaluation(at('slow.json')).policies;
    expect(policy).toMatchObject({ successes: 0, played: 2 });
    for (const { seed, failure } of policy!.episodes) {
      const episode = readEpisode(at(`failures/seed_00${seed}.mcap`));
      expect(failureOf(episode)).toMatchObject(failure!);
      expect(result.stdout).toContain(failure!.kind);
    }
    // Two rows of five pictures, 200 px high.
    const sheet = decodePng(readFileSync(at('pictures/sheet.png')));
    expect(sheet.width).toBeGreaterThan(5 * 320);
    expect(sheet.height).toBeGreaterThan(2 * 200);
    expect(sheet.height).toBeLessThan(3 * 200);
    expect(new Set(sheet.rgb).size).toBeGreaterThan(50);
  }, 120_000);

  it('screens: stops at a verdict, and gives no estimate', async () => {
    const result = await evaluate(
      `--policy script --rig ${slowRig()} --screen 0.3,0.99 --json ${at('screen.json')} --videos ${at('videos')}`,
    );
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout).toMatch(/screening 0\.3 against 0\.99: rejected; .*no estimate/);
    expect(result.stdout).not.toContain('Wilson');
    const stored = readEvaluation(at('screen.json'));
    // ln(0.01 / 0.7) is below ln(0.05 / 0.95): the first failure decides, whatever the other thread has played.
    expect(stored).toMatchObject({ asked: 250, complete: false, interrupted: false });
    expect(stored.policies[0]).toMatchObject({ played: 1, successes: 0, rate: null, wilson95: null });
    expect(readdirSync(at('videos'))).toEqual([expect.stringMatching(/^script-10000-/)]);
    const compared = await evaluate(`--compare ${at('screen.json')} ${at('screen.json')}`);
    expect(compared.code).toBe(2);
    expect(compared.stderr).toContain('is a screening');
  }, 120_000);

  it('opens TEST only with a reason, which it records', async () => {
    const test = '--policy script --pool test --episodes 1';
    const closed = await evaluate(test);
    expect(closed.code).toBe(2);
    expect(closed.stderr).toContain('--open-test "WHY"');
    const unrecorded = await evaluate(`${test} --open-test reason`);
    expect(unrecorded.code).toBe(2);
    expect(unrecorded.stderr).toContain('give --json FILE');
    const screened = await evaluate(`${test} --open-test reason --json ${at('t.json')} --screen 0.8,0.9`);
    expect(screened.code).toBe(2);
    expect(existsSync(at('t.json'))).toBe(false);
  });

  it('Ctrl-C: what was played is told, and never passes for the whole', async () => {
    const result = await evaluate(`--policy script --workers 1 --json ${at('cut.json')}`, 'eval 0 %');
    expect(result.code).toBe(130);
    expect(result.stdout).toMatch(/INTERRUPTED after \d+ of 250 poses/);
    const stored = readEvaluation(at('cut.json'));
    expect(stored).toMatchObject({ interrupted: true, complete: false, asked: 250 });
    expect(stored.policies[0]!.episodes.length).toBeLessThan(250);
    const compared = await evaluate(`--compare ${at('cut.json')} ${at('cut.json')}`);
    expect(compared.code).toBe(2);
    expect(compared.stderr).toContain('interrupted evaluation');
  });

  it('compares stored results, and refuses other poses by name', async () => {
    const same = await evaluate(`--compare ${at('a.json')} ${at('a.json')}`);
    expect(same.code, same.stderr).toBe(0);
    expect(same.stdout).toContain('on 3 common poses');
    expect(same.stdout).toContain('p = 1.000');
    const other = await evaluate(`--compare ${at('a.json')} ${at('slow.json')}`);
    expect(other.code).toBe(2);
    expect(other.stderr).toMatch(/cannot be paired: number of poses 3 and 2/);
  });

  it.each([
    ['more poses than the pool has', '--episodes 251', 2, /--pool select has 250 poses, 251/],
    ['a missing policy', '--policy /nowhere', 1, /no checkpoint folder \/nowhere/],
    [
      'a policy of another task',
      '--policy src/policy/pretrained/insertion-state --task transfer_cube',
      2,
      /is a policy for insertion, the rig's task is transfer_cube/,
    ],
    ['a reason for an open pool', '--open-test why', 2, /--open-test is for --pool test/],
    ['rates in the wrong order', '--screen 0.9,0.8', 2, /0 < P0 < P1 < 1/],
    ['one result to compare', '--compare a.json', 2, /takes two results, not 1/],
    ['a result that is not there', '--compare /no/a.json /no/b.json', 2, /a\.json cannot be read/],
  ])('refuses %s', async (_, args, code, message) => {
    const result = await evaluate(args);
    expect(result.code, result.stderr).toBe(code);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).not.toContain('    at ');
  });
});
