/** Servos that shut down come back through the daemon: `reboot` over the control API, as ROS 2's services ask for it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ApiClient } from '#alohad/api/apiClient.js';
import { EmulatedAloha } from '../hardware/emulatedAloha.js';
import { ServedDaemon, until } from './servedDaemon.js';

let aloha: EmulatedAloha;
let daemon: ServedDaemon;
let client: ApiClient;
beforeAll(async () => {
  aloha = await EmulatedAloha.start();
  daemon = await ServedDaemon.start(['--rig', aloha.rig, '--backend', 'real']);
  client = await daemon.client();
  await until(client, ({ arms, changing }) => arms === 'limp' && !changing);
}, 240_000);
afterAll(async () => {
  client.close();
  await daemon.stop();
  await aloha.close();
}, 240_000);

it('restarts what was overloaded, and the arms hold again', async () => {
  await client.send({ type: 'mode', request: { mode: 'idle', torque: 'hold' } });
  aloha.emulator.apply('follower_left', { kind: 'servo', id: 9, fault: 'overload' });
  await until(client, ({ arms }) => arms === 'faulted');
  // Holding anew is refused as long as the servo is shut down.
  await expect(client.send({ type: 'mode', request: { mode: 'idle', torque: 'hold' } })).rejects.toThrow(
    /gripper: overload/,
  );
  await client.send({ type: 'reboot', arm: 'follower_left' });
  expect((await client.askState()).arms).toBe('holding');
  const { servos } = await until(client, (state) => state.servos.length > 0);
  expect(servos.map(({ error }) => error)).toEqual(servos.map(() => ''));
}, 240_000);

it('leaves limp arms limp, and says what is not there', async () => {
  await client.send({ type: 'mode', request: { mode: 'idle', torque: 'limp' } });
  await client.send({ type: 'reboot', arm: 'follower_right' });
  expect((await client.askState()).arms).toBe('limp');
  await expect(client.send({ type: 'reboot', arm: 'tail' })).rejects.toThrow(/no bus tail; its buses/);
}, 240_000);
