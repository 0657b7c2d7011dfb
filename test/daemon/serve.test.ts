/** The daemon as people live with it, in simulation, over its control API. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '#alohad/api/apiClient.js';
import { decodeFrame, type StreamFrame } from '#alohad/contract/apiFrames.js';
import { readHeader } from '#alohad/episodes/readEpisode.js';
import { decodeJpeg } from '#alohad/imaging/jpeg.js';
import { alohad } from '../cli/alohad.js';
import { RawClient } from '../api/fakeDaemon.js';
import { ServedDaemon, until } from './servedDaemon.js';

let daemon: ServedDaemon;
let client: ApiClient;
let watcher: RawClient;
const joints: Extract<StreamFrame, { kind: 'joints' }>[] = [];
const frames = new Map<string, number>();

beforeAll(async () => {
  daemon = await ServedDaemon.start();
  client = await daemon.client();
  watcher = new RawClient(daemon.port);
  watcher.socket.binaryType = 'arraybuffer';
  watcher.socket.on('message', (data: ArrayBuffer, binary: boolean) => {
    const frame = binary ? decodeFrame(data) : undefined;
    if (!frame) return;
    frames.set(frame.kind, (frames.get(frame.kind) ?? 0) + 1);
    if (frame.kind === 'joints') joints.push(frame);
  });
  await watcher.next('welcome');
  await watcher.ask({ type: 'subscribe', cameras: ['cam_high'], joints: true, chunks: true });
  await until(client, ({ arms }) => arms === 'holding');
  // Frames of the arms before they held are on their way still.
  const early = joints.length;
  await until(client, () => joints.length > early + 3);
});
afterAll(async () => {
  client.close();
  watcher.socket.close();
  expect(await daemon.stop()).toBe(0);
});

const script = { policy: 'script', episodes: 1 } as const;
const moved = (from: number): number =>
  Math.max(
    ...joints
      .slice(from)
      .map(({ goal }) => Math.max(...goal.map((value, i) => Math.abs(value - joints[from]!.goal[i]!)))),
  );

describe('alohad serve', () => {
  it('refuses by name what it cannot do, before anything moves', async () => {
    const before = joints.length - 1;
    await expect(client.send({ type: 'backend', backend: 'real' })).rejects.toMatchObject({
      name: 'UnavailableError',
      message: expect.stringContaining('There is sim'),
    });
    await expect(client.send({ type: 'mode', request: { mode: 'teleop' } })).rejects.toMatchObject({
      name: 'UnavailableError',
      message: expect.stringContaining('no bus leader_left'),
    });
    await expect(
      client.send({ type: 'mode', request: { mode: 'record', policy: 'teleop' } }),
    ).rejects.toMatchObject({ name: 'UnavailableError' });
    await expect(
      client.send({ type: 'mode', request: { mode: 'trial', policy: '/none' } }),
    ).rejects.toMatchObject({ name: 'CheckpointError' });
    await expect(
      client.send({ type: 'mode', request: { mode: 'replay', episode: '/none.mcap' } }),
    ).rejects.toMatchObject({ name: 'EpisodeError' });
    expect(await client.askState()).toMatchObject({ mode: 'idle', arms: 'holding', changing: false });
    expect(moved(before)).toBe(0);
  });

  it('is not moved by a fuzz of what a stranger may send', async () => {
    const before = joints.length - 1;
    const stranger = new RawClient(daemon.port);
    await stranger.next('welcome');
    const noise = ['{', 'null', '[1e999]', '\u0000', '{"v":1}', Buffer.alloc(100, 0xff), 'x'.repeat(100_000)];
    const forbidden = [
      { type: 'mode', request: { mode: 'trial', policy: 'script' } },
      { type: 'backend', backend: 'sim' },
      { type: 'clear_emergency_stop' },
      { type: 'mode', request: { mode: 'idle', torque: 'limp' } },
    ];
    for (let round = 0; round < 12; round++) {
      for (const message of noise) stranger.send(message);
      for (const message of forbidden) stranger.send({ v: 1, id: round, ...message });
    }
    while (stranger.answers() < 12 * 11) await new Promise((resolve) => setTimeout(resolve, 5));
    const names = stranger.messages.map((message) =>
      message.type === 'refused' ? message.error.name : message.type,
    );
    expect(names).not.toContain('ok');
    expect(names).toContain('ControlHeldError');
    expect(await client.askState()).toMatchObject({ mode: 'idle', arms: 'holding' });
    expect(moved(before)).toBe(0);
    stranger.socket.close();
  });

  it('runs a trial; a stranger cannot interfere, but can stop the arms, and they stay stopped', async () => {
    const before = joints.length - 1;
    await client.send({ type: 'mode', request: { mode: 'trial', ...script } });
    await until(client, ({ arms }) => arms === 'active');
    await expect(
      client.send({ type: 'mode', request: { mode: 'trial', policy: '/none' } }),
    ).rejects.toThrow();
    while (moved(before) < 0.2) await new Promise((resolve) => setTimeout(resolve, 20));
    const stranger = await daemon.client();
    await expect(stranger.send({ type: 'mode', request: { mode: 'idle' } })).rejects.toMatchObject({
      name: 'ControlHeldError',
    });
    await stranger.send({ type: 'emergency_stop' });
    await until(client, ({ arms, mode }) => arms === 'stopped' && mode === 'idle');
    await until(client, ({ emergencyStop }) => emergencyStop?.holds === true);
    const held = joints.length;
    await expect(client.send({ type: 'mode', request: { mode: 'trial', ...script } })).rejects.toMatchObject({
      name: 'EmergencyStopError',
    });
    while (joints.length < held + 10) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(moved(held + 1)).toBe(0);
    expect((await until(client, ({ loop }) => loop.stopping.count > 0)).emergencyStop).not.toBeNull();
    await client.send({ type: 'clear_emergency_stop' });
    expect(await client.askState()).toMatchObject({ emergencyStop: null, arms: 'holding' });
    stranger.close();
  });

  it('records, lists, labels and replays an episode', async () => {
    await client.send({ type: 'mode', request: { mode: 'record', ...script, seed: 3 } });
    const { run } = await until(client, ({ mode }) => mode === 'idle');
    expect(run).toMatchObject({ wanted: 1, done: 1, episodes: [{ seed: 3 }] });
    const path = run!.episodes[0]!.recorded!;
    expect(existsSync(path)).toBe(true);
    await client.send({ type: 'label', episode: path, success: false, note: 'by hand' });
    expect(await client.send({ type: 'episodes' })).toMatchObject([{ path, seed: 3, success: false }]);
    expect(await client.send({ type: 'episodes' })).toMatchObject([{ label: { note: 'by hand' } }]);
    const thumbnail = async (name: string) => await fetch(`${daemon.url}episodes/${name}.jpg`);
    const first = decodeJpeg(new Uint8Array(await (await thumbnail('seed_0000003')).arrayBuffer()));
    expect([first.width, first.height]).toEqual([336, 84]);
    expect(existsSync(join(daemon.folder, '.thumbnails', 'seed_0000003.jpg'))).toBe(true);
    // What is kept is what is shown again; other names lead nowhere.
    expect((await thumbnail('seed_0000003')).headers.get('content-type')).toBe('image/jpeg');
    for (const name of ['none', '..%2Fx', '%2Fetc%2Fpasswd'])
      expect((await thumbnail(name)).status).toBe(404);
    await client.send({ type: 'mode', request: { mode: 'replay', episode: path } });
    expect(await client.askState()).toMatchObject({ mode: 'replay' });
    await client.send({ type: 'mode', request: { mode: 'idle' } });
    expect(await client.askState()).toMatchObject({ mode: 'idle', arms: 'holding' });
  });

  it('ends an episode where a person says so, or plays it again', async () => {
    await expect(client.send({ type: 'take', what: 'end' })).rejects.toMatchObject({
      name: 'UnavailableError',
      message: expect.stringContaining('no episode is in progress'),
    });
    const request = { mode: 'record', ...script, episodes: 2, seed: 40, keep: 'all', seconds: 6 } as const;
    await client.send({ type: 'mode', request });
    const under = async (seconds: number): Promise<void> => {
      const from = joints.length;
      await until(client, ({ arms }) => arms === 'active');
      await until(client, () => joints.length > from && joints.at(-1)!.step > 50 * seconds);
    };
    await under(2);
    await client.send({ type: 'take', what: 'again' });
    // The clock of the take begins anew, and nothing of the first one is kept.
    await until(client, () => joints.at(-1)!.step < 50);
    expect((await client.askState()).run).toMatchObject({ done: 0, wanted: 2 });
    await under(3);
    await client.send({ type: 'take', what: 'end' });
    const { run } = await until(client, ({ mode }) => mode === 'idle');
    expect(run).toMatchObject({ done: 2, episodes: [{ seed: 40 }, { seed: 41 }] });
    const [first, second] = run!.episodes.map(({ recorded }) => readHeader(recorded!).outcome.steps);
    expect(first).toBeGreaterThan(140);
    expect(first).toBeLessThan(290);
    expect(second).toBe(300);
    expect(readdirSync(daemon.folder).filter((name) => name.startsWith('seed_000004'))).toEqual([
      'seed_0000040.mcap',
      'seed_0000041.mcap',
    ]);
  });

  it('changes its backend by parking, closing and opening anew, and never jumps', async () => {
    const before = joints.length - 1;
    await client.send({ type: 'backend', backend: 'sim' });
    expect(await client.askState()).toMatchObject({ backend: 'sim', arms: 'holding' });
    const parked = joints.slice(before).map(({ goal }) => goal[1]!);
    expect(Math.min(...parked)).toBeCloseTo(-1.85, 1);
    await client.send({ type: 'mode', request: { mode: 'idle', torque: 'limp' } });
    expect((await client.askState()).arms).toBe('limp');
  });

  it('refuses to learn from what is not there, and goes on with what it did', async () => {
    const out = join(daemon.folder, 'run');
    await client.send({ type: 'mode', request: { mode: 'trial', policy: 'script', episodes: 1 } });
    await expect(
      client.send({
        type: 'mode',
        request: { mode: 'finetune', policy: '/none', demonstrations: '/none', out },
      }),
    ).rejects.toThrow(/\/none.*Give a whole checkpoint folder/);
    const { mode, children } = await client.askState();
    expect(mode).toBe('trial');
    expect(children.map(({ name }) => name)).not.toContain('learner');
    await client.send({ type: 'mode', request: { mode: 'idle' } });
  });

  it('streams pictures, and is seen and stopped from the command line', async () => {
    while ((frames.get('camera') ?? 0) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    const at = ['--url', daemon.url];
    expect((await alohad(['status', ...at])).stdout).toContain('arms');
    const refused = await alohad(['mode', 'trial', ...at]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('is in control')]);
    expect((await alohad(['mode', 'idle', '--take', ...at])).code).toBe(0);
    expect((await alohad(['stop', '--port', String(daemon.port)])).stdout).toContain('ON, by command line');
    expect((await alohad(['status', '--port', '8600', ...at])).code).toBe(2);
    const metrics = await (await fetch(`${daemon.url}metrics`)).text();
    expect(metrics).toMatch(/alohad_tick_late_seconds\{quantile="0.99"\} \d/);
    expect(metrics).toMatch(/alohad_child_up\{child="control loop"\} 1/);
    expect(metrics).toMatch(/alohad_emergency_stop 1/);
  });
});

it('says what to do when the port is taken', async () => {
  const { code, stderr } = await alohad(['serve', '--port', String(daemon.port)]);
  expect(code).toBe(2);
  expect(stderr).toContain('Is a daemon running already?');
});
