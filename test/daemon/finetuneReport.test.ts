/** The report of a run, from files alone: of runs that were killed, of older ones, of none. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeReport } from '#alohad/daemon/finetuneReport.js';
import { costOf, readRun } from '#alohad/daemon/runRecord.js';

const evaluation = (rollouts: number, maxReward: readonly number[], promoted = true) => ({
  rollouts,
  pool: 'select',
  successes: maxReward.filter((reward) => reward === 4).length,
  episodes: maxReward.length,
  wilson95: [0.2, 0.8],
  maxReward,
  finalReward: maxReward,
  promoted,
  reason: 'as <judged>',
});

const session = { command: 'alohad finetune --seed 7', version: '0.1.0', from: 0 };
const EVENTS: readonly object[] = [
  { at: '2026-11-26T01:00:00.000Z', session },
  { at: '2026-11-26T01:00:01.000Z', text: 'something happened' },
];
const METRICS: readonly object[] = [
  { rollout: 0, maxReward: 3, success: 0, branches: 8, auc: null },
  { rollout: 1, maxReward: 4, success: 0.5, branches: 4, criticSteps: 2, drift: 0.1 },
];

function runFolder(events: readonly object[] = EVENTS, metrics: readonly object[] = METRICS): string {
  const folder = mkdtempSync(join(tmpdir(), 'report-'));
  const lines = (name: string, values: readonly object[]) =>
    writeFileSync(join(folder, name), values.map((value) => `${JSON.stringify(value)}\n`).join(''));
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ name: 'a <b>', algorithm: 'none', seed: 7 }));
  lines('evaluations.jsonl', [
    evaluation(0, [4, 3, 0, 4]),
    evaluation(1, [4, 4, 4, 3]),
    evaluation(2, [0, 0, 0, 0], false),
  ]);
  lines('events.jsonl', events);
  lines('metrics.jsonl', metrics);
  return folder;
}

test('tells before and after of the deployed policy, budget, failures and settings, on one page', () => {
  const folder = runFolder();
  const picture = Uint8Array.of(1, 2, 3);
  const html = readFileSync(writeReport(folder, [{ label: 'peg too high', count: 3, picture }]), 'utf8');
  for (const part of [
    '+2 −1',
    'after 1 roll-outs',
    'peg too high (3)',
    'data:image/png;base64,AQID',
    'alohad finetune --seed 7',
    'something happened',
    'a &lt;b&gt;',
    'as &lt;judged&gt;',
  ])
    expect(html).toContain(part);
  expect(html).not.toMatch(/(?:src|href)="(?!data:)|<script/); // One file.
});

test('counts branches a quarter and selection roll-outs whole', () => {
  expect(costOf(readRun(runFolder()))).toMatchObject({
    rollouts: 2,
    branches: 12,
    selection: 12,
    total: 17,
    criticSteps: 2,
  });
});

test('takes the time of the end, or of the last roll-out of a run that was killed', () => {
  const times = { playingS: 1, learningS: 2, cloningS: 3 };
  const killed = [{ rollout: 0, ...times, wallS: 10 }];
  expect(costOf(readRun(runFolder(EVENTS, killed))).wallS).toBe(10);
  const ended = [...EVENTS, { at: '2026-11-26T02:00:00.000Z', time: { ...times, wallS: 12 } }];
  expect(costOf(readRun(runFolder(ended, killed))).wallS).toBe(12);
  const older = [...EVENTS, { at: '2026-11-26T02:00:00.000Z', time: { waitingMs: 1 } }];
  expect(costOf(readRun(runFolder(older))).wallS).toBe(0);
});

test('a torn last line is no fault, a damaged one is named, and so is a folder that is no run', () => {
  const folder = runFolder();
  const path = join(folder, 'metrics.jsonl');
  writeFileSync(path, `${readFileSync(path, 'utf8')}{"rollout":2,"max`);
  expect(readRun(folder).metrics).toHaveLength(2);
  writeFileSync(path, '{"rollout":"x"}\n');
  expect(() => writeReport(folder)).toThrow(`${path} line 1 is damaged`);
  expect(() => writeReport(tmpdir())).toThrow('holds no fine-tuning run');
});
