/** Every part of the daemon's process tree is killed once: it is noticed, shown, started again; the arms hold. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '#alohad/api/apiClient.js';
import type { ServerMessage } from '#alohad/contract/api.js';
import { decodeFrame } from '#alohad/contract/apiFrames.js';
import type { ChildState, ServedState } from '#alohad/contract/apiState.js';
import { RawClient } from '../api/fakeDaemon.js';
import { writeTinyStart } from '../learning/finetune/tinyStart.js';
import { ServedDaemon, until, writeRigOfBoth } from './servedDaemon.js';

let folder: string;
let daemon: ServedDaemon;
let client: ApiClient;
let watcher: RawClient;
const events: string[] = [];
let pictures = 0;
/** Of the newest tick. */
let goal: readonly number[] = [];

beforeAll(async () => {
  const preload = fileURLToPath(new URL('threadKiller.js', import.meta.url));
  folder = mkdtempSync(join(tmpdir(), 'alohad-deaths-'));
  daemon = await ServedDaemon.start(['--rig', writeRigOfBoth(folder)], 0, preload);
  client = await daemon.client((message: ServerMessage) => {
    if (message.type === 'event') events.push(message.text);
  });
  watcher = new RawClient(daemon.port);
  watcher.socket.binaryType = 'arraybuffer';
  watcher.socket.on('message', (data: ArrayBuffer, binary: boolean) => {
    const frame = binary ? decodeFrame(data) : undefined;
    if (frame?.kind === 'camera') pictures += 1;
    if (frame?.kind === 'joints') goal = [...frame.goal];
  });
  await watcher.next('welcome');
  await watcher.ask({ type: 'subscribe', cameras: ['cam_high'], joints: true });
  await until(client, ({ arms }) => arms === 'holding');
}, 240_000);
afterAll(async () => {
  client.close();
  watcher.socket.close();
  expect(await daemon.stop()).toBe(0);
  rmSync(folder, { recursive: true, force: true });
}, 240_000);

const child = (name: string, { children }: ServedState): ChildState | undefined =>
  children.find((one) => one.name === name);
const ticksOn = async (): Promise<void> => {
  const { ticks } = (await client.askState()).loop;
  await until(client, ({ loop }) => loop.ticks > ticks);
};
const sleep = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Returns the first state that shows the death. */
async function kill(file: string, name: string): Promise<ServedState> {
  daemon.process.send(file);
  return await until(client, (state) => (child(name, state)?.deaths ?? 0) > 0);
}
async function returned(name: string): Promise<ServedState> {
  return await until(client, (state) => child(name, state)?.state === 'running');
}

describe('a part of the process tree that dies', { timeout: 240_000 }, () => {
  it('pictures: they come again, and the loop knows nothing of it', async () => {
    await until(client, () => pictures > 0);
    const shown = await kill('viewWorker.js', 'pictures');
    expect(child('pictures', shown)?.lastError).toContain('killed by the test');
    expect(shown.arms).toBe('holding');
    await ticksOn();
    await returned('pictures');
    const before = pictures;
    await until(client, () => pictures > before);
    expect(events.some((text) => text.startsWith('pictures died'))).toBe(true);
  });

  it('the policy: the arms it moved hold, and the next trial has it again', async () => {
    const trial = { type: 'mode', request: { mode: 'trial', policy: 'shipped', episodes: 1 } } as const;
    await client.send(trial);
    await until(client, ({ arms }) => arms === 'active');
    await kill('inferenceWorker.js', 'policy');
    const { line } = await until(client, ({ mode, arms }) => mode === 'idle' && arms === 'holding');
    expect(line).toContain('the arms hold');
    await sleep(100);
    const held = goal;
    await ticksOn();
    expect(goal).toEqual(held);
    await returned('policy');
    await client.send(trial);
    await until(client, ({ arms }) => arms === 'active');
    await client.send({ type: 'mode', request: { mode: 'idle' } });
  });

  it('the control loop: nothing is connected by itself; a person has the arms hold again', async () => {
    // The one with threads of its own below it, and ports that somebody has to close.
    await client.send({ type: 'backend', backend: 'emulated' });
    await client.send({ type: 'mode', request: { mode: 'trial', policy: 'script', episodes: 1 } });
    await until(client, ({ arms }) => arms === 'active');
    const shown = await kill('serveWorker.js', 'control loop');
    expect(['lost', 'disconnected']).toContain(shown.arms);
    const again = await until(
      client,
      (state) => child('control loop', state)?.state === 'running' && state.mode === 'idle',
    );
    expect(again.arms).toBe('disconnected');
    expect(again.line).toContain('choose mode idle');
    await client.send({ type: 'mode', request: { mode: 'idle' } });
    expect(await client.askState()).toMatchObject({ arms: 'holding', mode: 'idle' });
    await ticksOn();
    await client.send({ type: 'mode', request: { mode: 'trial', policy: 'script', episodes: 1 } });
    await until(client, ({ arms }) => arms === 'active');
    await client.send({ type: 'mode', request: { mode: 'idle' } });
  });

  it.skipIf(process.platform === 'win32')(
    'the learner: another process takes its place, and the loop knows nothing of it',
    async () => {
      // It waits for its settings, which nobody tells it, so it lives until it is killed.
      const config = join(daemon.folder, 'settings.yaml');
      execFileSync('mkfifo', [config]);
      const { demonstrations } = await writeTinyStart(folder);
      const request = { mode: 'finetune', policy: join(folder, 'start'), demonstrations, config } as const;
      await client.send({ type: 'mode', request: { ...request, out: join(daemon.folder, 'run') } });
      const alive = async (): Promise<number> => child('learner', await returned('learner'))!.pid!;
      const first = await alive();
      process.kill(first, 'SIGKILL');
      const shown = await until(client, (state) => child('learner', state)!.deaths > 0);
      expect(child('learner', shown)?.lastError).toContain('SIGKILL');
      expect(shown).toMatchObject({ mode: 'finetune', arms: 'holding' });
      await ticksOn();
      expect(await alive()).not.toBe(first);
      const word = await open(config, 'w'); // Once it listens.
      const ended = client.send({ type: 'mode', request: { mode: 'idle' } });
      await word.write('no settings');
      await word.close();
      await ended;
      expect(child('learner', await client.askState())?.state).toBe('stopped');
    },
  );
});
