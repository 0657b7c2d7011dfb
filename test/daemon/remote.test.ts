/** Joint goals over the control API: who may give them, and that nothing they ask is a jump. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ApiClient } from '#alohad/api/apiClient.js';
import type { StreamFrame } from '#alohad/contract/apiFrames.js';
import { ServedDaemon, until } from './servedDaemon.js';

let daemon: ServedDaemon;
let client: ApiClient;
let goal: Float32Array = new Float32Array(14);
/** Of the left waist's goal [rad] in a tick. */
let fastest = 0;
let frames = 0;
let step = 0;

beforeAll(async () => {
  daemon = await ServedDaemon.start();
  const watch = (frame: StreamFrame): void => {
    if (frame.kind !== 'joints') return;
    // Frames are the newest, not all there are.
    const ticks = Math.max(1, frame.step - step);
    fastest = Math.max(fastest, Math.abs(frame.goal[0]! - goal[0]!) / ticks);
    ({ goal, step } = frame);
    frames++;
  };
  client = await ApiClient.connect({ url: daemon.url }, () => {}, watch);
  await until(client, ({ arms }) => arms === 'holding');
  await client.send({ type: 'subscribe', joints: true });
  await until(client, () => frames > 5);
  fastest = 0;
});
afterAll(async () => {
  client.close();
  expect(await daemon.stop()).toBe(0);
});

const waist = (position: number) => ({
  type: 'move' as const,
  moves: [{ joints: [0], points: [{ timeS: 0, positions: [position] }] }],
});

it('refuses moves outside of mode remote', async () => {
  await expect(client.send(waist(0.5))).rejects.toThrow('mode remote');
});

it('goes slowly where the client in control asks, and takes moves of nobody else', async () => {
  await client.send({ type: 'mode', request: { mode: 'remote' } });
  await client.send(waist(0.4));
  await until(client, () => Math.abs(goal[0]! - 0.4) < 1e-3);
  // The slow ramp's 0.8 rad/s.
  expect(fastest).toBeGreaterThan(0.005);
  expect(fastest).toBeLessThan(1.01 * 0.8 * 0.02);

  const other = await daemon.client();
  await expect(other.send(waist(-0.4))).rejects.toMatchObject({ name: 'ControlHeldError' });
  expect((await client.askState()).mode).toBe('remote');
  await other.send({ type: 'take_control', force: true });
  await until(client, ({ mode, arms }) => mode === 'idle' && arms === 'holding');
  await expect(other.send(waist(-0.4))).rejects.toThrow('mode remote');
  other.close();
});

it('goes no faster than the limit, which may change under way and holds for every robot after', async () => {
  const control = { type: 'take_control', force: true } as const;
  await client.send(control);
  await client.send({ type: 'mode', request: { mode: 'remote' } });
  await client.send({ type: 'limit', velocityRadPerS: 0.2 });
  fastest = 0;
  await client.send(waist(0.3));
  await until(client, () => Math.abs(goal[0]! - 0.3) < 1e-3);
  expect(fastest).toBeLessThan(1.01 * 0.2 * 0.02);
  await client.send({ type: 'backend', backend: 'sim' });
  expect((await client.askState()).velocityRadPerS).toBe(0.2);
  // Also where it changes while a robot is being connected.
  await client.send({ type: 'limit', velocityRadPerS: 1 });
  const connecting = client.send({ type: 'backend', backend: 'sim' });
  await client.send({ type: 'limit', velocityRadPerS: 0.2 });
  await connecting;
  expect((await client.askState()).velocityRadPerS).toBe(0.2);
  await client.send({ type: 'mode', request: { mode: 'remote' } });
  fastest = 0;
  await client.send(waist(0.1));
  await until(client, () => Math.abs(goal[0]! - 0.1) < 1e-3);
  expect(fastest).toBeLessThan(1.01 * 0.2 * 0.02);
  await client.send({ type: 'limit', velocityRadPerS: Math.PI });
  const other = await daemon.client();
  await expect(other.send({ type: 'limit', velocityRadPerS: 1 })).rejects.toMatchObject({
    name: 'ControlHeldError',
  });
  await expect(client.send({ type: 'limit', velocityRadPerS: 4 })).rejects.toMatchObject({
    name: 'MessageError',
  });
  await client.send({ type: 'release_control' });
  other.close();
});

it('ends with the arms holding when its client leaves, and by an emergency stop', async () => {
  const guest = await daemon.client();
  await until(client, ({ control }) => control === null);
  await guest.send({ type: 'mode', request: { mode: 'remote' } });
  guest.close();
  await until(client, ({ mode, arms }) => mode === 'idle' && arms === 'holding');

  await client.send({ type: 'mode', request: { mode: 'remote' } });
  await client.send(waist(-0.4));
  await client.send({ type: 'emergency_stop' });
  await until(client, ({ mode, arms }) => mode === 'idle' && arms === 'stopped');
  await expect(client.send({ type: 'mode', request: { mode: 'remote' } })).rejects.toMatchObject({
    name: 'EmergencyStopError',
  });
  await client.send({ type: 'clear_emergency_stop' });
});
