/** Teleoperation through the daemon: leaders in somebody's hands, on emulated arms and with simulated followers. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ApiClient } from '#alohad/api/apiClient.js';
import { decodeFrame } from '#alohad/contract/apiFrames.js';
import { readEpisode } from '#alohad/episodes/readEpisode.js';
import { RawClient } from '../api/fakeDaemon.js';
import { EmulatedAloha } from '../hardware/emulatedAloha.js';
import { ServedDaemon, until } from './servedDaemon.js';

let aloha: EmulatedAloha;
let daemon: ServedDaemon;
let client: ApiClient;
let watcher: RawClient;
/** Newest position of the left follower's waist [rad]. */
let waist = 0;

beforeAll(async () => {
  aloha = await EmulatedAloha.start();
  daemon = await ServedDaemon.start(['--rig', aloha.rig, '--backend', 'emulated']);
  client = await daemon.client();
  watcher = new RawClient(daemon.port);
  watcher.socket.binaryType = 'arraybuffer';
  watcher.socket.on('message', (data: ArrayBuffer, binary: boolean) => {
    const frame = binary ? decodeFrame(data) : undefined;
    if (frame?.kind === 'joints') waist = frame.qpos[0]!;
  });
  await watcher.next('welcome');
  await watcher.ask({ type: 'subscribe', cameras: [], joints: true, chunks: false });
});
afterAll(async () => {
  client.close();
  watcher.socket.close();
  expect(await daemon.stop()).toBe(0);
  await aloha.close();
});

/** The ritual: waits until it is asked for, closes both hands, and waits until the arms follow. */
async function begin(): Promise<void> {
  await until(client, ({ line }) => line.includes('close both leader grippers'));
  aloha.closeHands();
  await until(client, ({ arms, line }) => arms === 'active' && line === 'follow the leaders');
}

it('follows the leaders until it is told to be idle, and says how well', async () => {
  await until(client, ({ arms }) => arms === 'holding');
  expect((await client.askState()).modes.find(({ name }) => name === 'teleop')).toEqual({ name: 'teleop' });
  await client.send({ type: 'mode', request: { mode: 'teleop' } });
  await begin();
  for (const angle of [0.4, -0.4]) {
    aloha.turn(angle);
    await until(client, () => Math.abs(waist - angle) < 0.1);
  }
  expect(await client.askState()).toMatchObject({ mode: 'teleop', run: { source: 'teleop' } });
  await client.send({ type: 'mode', request: { mode: 'idle' } });
  expect(await client.askState()).toMatchObject({ mode: 'idle', arms: 'holding' });
  aloha.openHands();
  aloha.turn(null);
}, 120_000);

it('an emergency stop during the ritual stops the leaders, too, and nothing begins', async () => {
  await client.send({ type: 'mode', request: { mode: 'teleop' } });
  await until(client, ({ line }) => line.includes('let go of them'));
  await client.send({ type: 'emergency_stop' });
  // The followers' servos themselves say that they hold.
  await until(
    client,
    ({ mode, arms, emergencyStop }) => mode === 'idle' && arms === 'stopped' && emergencyStop?.holds === true,
  );
  aloha.closeHands();
  await expect(client.send({ type: 'mode', request: { mode: 'teleop' } })).rejects.toMatchObject({
    name: 'EmergencyStopError',
  });
  aloha.openHands();
  await client.send({ type: 'clear_emergency_stop' });
  expect(await client.askState()).toMatchObject({ arms: 'holding', emergencyStop: null });
}, 120_000);

it.each(['trial', 'record'] as const)(
  'lets a person act in mode %s, on simulated followers',
  async (mode) => {
    await client.send({ type: 'backend', backend: 'sim' });
    await client.send({
      type: 'mode',
      request: { mode, policy: 'teleop', episodes: 1, seed: 5, seconds: 8 },
    });
    await begin();
    const { run } = await until(client, ({ mode: now }) => now === 'idle');
    aloha.openHands();
    expect(run).toMatchObject({ source: 'teleop', done: 1, episodes: [{ seed: 5, success: false }] });
    const path = run!.episodes[0]!.recorded;
    expect(path !== undefined && existsSync(path)).toBe(mode === 'record');
    if (path !== undefined)
      expect(readEpisode(path)).toMatchObject({ steps: 400, info: { source: 'teleop' } });
  },
  120_000,
);
