/** Takes: a person at a keyboard leads simulated followers by emulated leaders, keeps, repeats, labels and ends. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { KeyboardOperator } from '#alohad/cli/operator.js';
import { loadRig } from '#alohad/config/rig.js';
import { runTakes, type TakesReport, type TakesRequest } from '#alohad/daemon/teleop/takes.js';
import { readLabel } from '#alohad/episodes/label.js';
import { readEpisode } from '#alohad/episodes/readEpisode.js';
import { readEvents } from '#alohad/episodes/readEvents.js';
import { alohad } from '../cli/alohad.js';
import { EmulatedAloha } from '../hardware/emulatedAloha.js';
import { MAIN } from './servedDaemon.js';

const RIGHT = '\u001b[C';
const LEFT = '\u001b[D';
const ESCAPE = '\u001b';

let aloha: EmulatedAloha;
beforeAll(async () => {
  aloha = await EmulatedAloha.start();
});
afterEach(() => {
  aloha.openHands();
  aloha.turn(null);
});
afterAll(async () => {
  await aloha.close();
});

/** Plays a script: each row waits for a text to be shown, acts, and goes on with the next. */
async function play(
  request: Omit<TakesRequest, 'rig' | 'seed'>,
  script: readonly (readonly [shown: string, act: (keys: PassThrough) => void])[],
): Promise<{ report: TakesReport; lines: string[] }> {
  const keys = new PassThrough();
  const screen = new PassThrough();
  const lines: string[] = [];
  let row = 0;
  const look = (text: string): void => {
    const [shown, act] = script[row] ?? [];
    if (shown === undefined || !text.includes(shown)) return;
    row++;
    act!(keys);
  };
  screen.on('data', (data: Buffer) => look(String(data)));
  const listener = {
    onLine: (line: string): void => {
      lines.push(line);
      look(line);
    },
    onProgress: (_: number, __: number, detail: string): void => look(detail),
  };
  const operator = new KeyboardOperator(keys, screen, { note: 'from the test', label: 'ask' });
  const report = await runTakes(
    { ...request, rig: loadRig(aloha.rig), seed: 40 },
    operator,
    listener,
    new AbortController().signal,
  );
  expect(row).toBe(script.length);
  return { report, lines };
}

const close = (): void => aloha.closeHands();
const open = (): void => aloha.openHands();

it('keeps, repeats, labels and notes takes, and measures how followers followed', async () => {
  const directory = join(aloha.folder, 'episodes');
  const { report } = await play({ episodes: 2, record: { directory, images: 'none' } }, [
    ['close both leader grippers', close],
    ['take 1: 0.2', open],
    // Followers are still on their way to the leaders for the first second; then something moves.
    ['take 1: 1.7', () => aloha.turn(0.4)],
    ['take 1: 3.1', () => aloha.turn(-0.4)],
    ['take 1: 4.6', (keys) => keys.write(RIGHT)],
    ['did it succeed?', (keys) => keys.write('tgood one\ry')],
    // Enter begins as well as hands do; the second take is thrown away, the third is not a success.
    ['close both leader grippers', (keys) => keys.write('\r')],
    ['take 2: 0.5', (keys) => keys.write(LEFT)],
    ['close both leader grippers', close],
    ['take 3: 0.5', (keys) => keys.write(RIGHT)],
    ['did it succeed?', (keys) => keys.write('n')],
  ]);
  expect(report).toMatchObject({ kept: 2, successes: 1, rejected: 0, interrupted: false });
  expect(report.takes.map(({ number, success }) => [number, success])).toEqual([
    [1, true],
    [2, undefined],
    [3, false],
  ]);
  expect(readdirSync(directory).filter((name) => name.endsWith('.mcap'))).toHaveLength(2);
  const path = report.takes[0]!.path!;
  const episode = readEpisode(path);
  expect(episode).toMatchObject({ info: { source: 'teleop', seed: 40 }, outcome: { success: true } });
  expect(episode.steps).toBe(report.takes[0]!.steps);
  expect(Math.max(...episode.qpos.filter((_, i) => i % 14 === 0))).toBeGreaterThan(0.2);
  expect(readLabel(path)).toMatchObject({ success: true, note: 'good one' });
  expect(readLabel(report.takes[2]!.path!)).toMatchObject({ success: false, note: 'from the test' });
  // A second is what is promised; the machine that runs tests may be busy.
  expect(report.storedMaxMs).toBeLessThan(3000);
  const { following } = report.takes[0]!;
  expect(following.errorRad.count).toBe(episode.steps);
  expect(following.delayMs.count).toBeGreaterThan(0);
  expect(following.delayMs.p50).toBeLessThan(500);
  expect(readEvents(path).map(({ name }) => name)).toEqual(['following', 'label', 'finished']);
}, 120_000);

it('ends after the take in progress by Esc, and keeps that one', async () => {
  const directory = join(aloha.folder, 'ended');
  const { report } = await play({ episodes: 5, record: { directory, images: 'none' } }, [
    ['close both leader grippers', close],
    ['take 1: 0.5', (keys) => keys.write(ESCAPE)],
    ['did it succeed?', (keys) => keys.write('y')],
  ]);
  expect(report).toMatchObject({ kept: 1, successes: 1, interrupted: false });
}, 120_000);

it('teleoperates without recording: an arrow goes back to the start, Esc while waiting ends it', async () => {
  const { report } = await play({}, [
    ['close both leader grippers', close],
    [
      'take 1: 0.5',
      (keys) => {
        open();
        keys.write(RIGHT);
      },
    ],
    ['close both leader grippers', (keys) => keys.write(ESCAPE)],
  ]);
  expect(report).toMatchObject({ kept: 0, interrupted: false, takes: [{ number: 1 }] });
}, 120_000);

it('is a verb: keys from standard input, a take of fixed length, and nobody there to judge it', async () => {
  const out = join(aloha.folder, 'verb');
  const child = spawn(
    process.execPath,
    `${MAIN} record --policy teleop --rig ${aloha.rig} --backend emulated --seconds 0.5 --episodes 1 --images none --out ${out}`.split(
      ' ',
    ),
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  child.stdin.end('\r');
  let shown = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (shown += text));
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect([code, shown]).toEqual([0, expect.stringContaining('nobody said whether it succeeded')]);
  const [name] = readdirSync(out);
  expect(readEpisode(join(out, name!))).toMatchObject({ steps: 25, outcome: { success: false } });
}, 120_000);

it('refuses by name a rig without leaders, and people in a hurry', async () => {
  const teleop = await alohad(['teleop']);
  expect([teleop.code, teleop.stderr]).toEqual([2, expect.stringContaining('no bus leader_left')]);
  const out = join(aloha.folder, 'hurried');
  const inAHurry = ['--pace', 'fast', '--out', out];
  const fast = await alohad(['record', '--policy', 'teleop', '--rig', aloha.rig, ...inAHurry]);
  expect([fast.code, fast.stderr]).toEqual([2, expect.stringContaining('people lead by the clock')]);
  expect(existsSync(out)).toBe(false);
}, 60_000);
