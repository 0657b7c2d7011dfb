/** One writer per run folder, whatever became of the one before. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { processToken } from '#alohad/episodes/processToken.js';
import { lockRun, RunBusyError } from '#alohad/learning/runLock.js';

const parent = mkdtempSync(join(tmpdir(), 'alohad-lock-'));
afterAll(() => rmSync(parent, { recursive: true }));
let next = 0;
const folder = (): string => join(parent, `run${next++}`);

it('is refused while another writes, by its number, and given back', () => {
  const run = folder();
  const release = lockRun(run);
  expect(readdirSync(run)).toEqual(['running.json']);
  expect(() => lockRun(run)).toThrow(RunBusyError);
  expect(() => lockRun(run)).toThrow(`process ${process.pid}`);
  writeFileSync(join(run, 'config.json'), '{}');
  release();
  expect(readdirSync(run)).toEqual(['config.json']);
  lockRun(run)();
});

it('leaves no folder behind in which no run was begun', () => {
  const run = folder();
  lockRun(run)();
  expect(existsSync(run)).toBe(false);
});

it('is taken over from a process that was killed, and from one that has its number again', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  await new Promise((resolve) => child.once('spawn', resolve));
  const run = folder();
  lockRun(run); // Not given back: what follows is written over it.
  const path = join(run, 'running.json');
  const { host } = JSON.parse(readFileSync(path, 'utf8'));
  const owned = (writer: string): void => {
    writeFileSync(path, JSON.stringify({ host, writer }));
  };
  const token = processToken(child.pid!)!;
  owned(token);
  expect(() => lockRun(run)).toThrow(`process ${child.pid}`);
  owned(token.replace(/\d+$/, '1'));
  lockRun(run)();

  lockRun(run);
  owned(token);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  lockRun(run)();
});

it('of another machine is left to a person', () => {
  const run = folder();
  lockRun(run);
  const path = join(run, 'running.json');
  writeFileSync(path, JSON.stringify({ host: 'elsewhere', writer: 'boot:1:1' }));
  expect(() => lockRun(run)).toThrow(
    `on elsewhere: wait until it has ended or stop it; if it is gone, delete ${path}`,
  );
});

it('that is no lock holds nobody up', () => {
  const run = folder();
  lockRun(run);
  writeFileSync(join(run, 'running.json'), '{');
  lockRun(run)();
});
