import { get } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { ApiClient, RefusedError } from '#alohad/api/apiClient.js';
import type { ApiServer, ApiServerOptions } from '#alohad/api/apiServer.js';
import { BusyError } from '#alohad/contract/apiErrors.js';
import { UsageError } from '#alohad/contract/errors.js';
import { RawClient, serveFake } from './fakeDaemon.js';

const open: ApiServer[] = [];
async function serve(options: Partial<ApiServerOptions> = {}) {
  const served = await serveFake(options);
  open.push(served.server);
  return { ...served, port: served.server.port };
}
afterEach(async () => {
  await Promise.all(open.splice(0).map(async (server) => server.close()));
});

const TOKEN = '0123456789abcdef0123';
const MODE = { type: 'mode', request: { mode: 'idle' } } as const;

describe('messages', () => {
  it('are answered under their id, with defaults filled in for the daemon', async () => {
    const { daemon, port } = await serve();
    const client = await ApiClient.connect({ url: `http://127.0.0.1:${port}` });
    daemon.act = () => ({ fine: true });
    expect(client.state.mode).toBe('idle');
    expect(await client.send({ type: 'mode', request: { mode: 'trial' } })).toEqual({ fine: true });
    expect(daemon.commands[0]!.command).toMatchObject({
      request: { mode: 'trial', policy: 'shipped', episodes: 10, poses: 'random' },
    });
    client.close();
  });

  it('carry the name of what the daemon refuses with; a fault of its own is logged, not told', async () => {
    const { daemon, port, unexpected } = await serve();
    const client = await ApiClient.connect({ url: `http://127.0.0.1:${port}` });
    daemon.act = () => {
      throw new BusyError('wait');
    };
    await expect(client.send(MODE)).rejects.toMatchObject({ name: 'BusyError', message: 'wait' });
    daemon.act = () => {
      throw new TypeError('secret');
    };
    await expect(client.send(MODE)).rejects.toMatchObject({ name: 'UnexpectedError' });
    expect(unexpected).toEqual([new TypeError('secret')]);
    client.close();
  });

  it.each([
    ['no JSON', '{', 'MessageError'],
    ['an array', '[]', 'MessageError'],
    ['no version', '{"type":"state"}', 'ApiVersionError'],
    ['another version', '{"v":2,"type":"state"}', 'ApiVersionError'],
    ['an unknown type', '{"v":1,"type":"jump"}', 'MessageError'],
    ['NaN', '{"v":1,"type":"mode","request":{"mode":"trial","episodes":NaN}}', 'MessageError'],
    ['infinity', '{"v":1,"type":"mode","request":{"mode":"trial","episodes":1e999}}', 'MessageError'],
    ['a wrong type', '{"v":1,"type":"label","episode":3,"success":"yes"}', 'MessageError'],
    ['an extra key', '{"v":1,"type":"ping","__proto__":{"x":1},"goal":[0]}', 'MessageError'],
    ['binary', Buffer.from('{"v":1,"type":"ping"}'), 'MessageError'],
    ['too much', JSON.stringify({ v: 1, type: 'hello', name: 'x'.repeat(70_000) }), 'MessageTooLargeError'],
  ])('%s is refused by name and reaches nobody', async (_, message, name) => {
    const { daemon, port } = await serve();
    const client = new RawClient(port);
    await client.next('welcome');
    client.send(message);
    expect((await client.next('refused')).error.name).toBe(name);
    expect(daemon.commands).toEqual([]);
    expect(await client.ask({ type: 'ping' })).toBe('ok');
  });

  it('in a flood are refused by name, but an emergency stop is heard', async () => {
    const { daemon, port } = await serve();
    const client = new RawClient(port);
    await client.next('welcome');
    for (let i = 0; i < 2000; i++) client.send({ v: 1, type: 'ping' });
    client.send({ v: 1, type: 'emergency_stop' });
    await client.next('refused', ({ error }) => error.name === 'TooManyMessagesError');
    while (client.answers() < 2001) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(daemon.stops).toEqual(['client 1']);
  });
});

describe('control', () => {
  it('goes to the first who commands; a second client has to take it explicitly', async () => {
    const { daemon, port } = await serve();
    const [anna, ben] = [new RawClient(port), new RawClient(port)];
    await Promise.all([anna.next('welcome'), ben.next('welcome')]);
    await anna.ask({ type: 'hello', name: 'Anna' });
    expect(await anna.ask(MODE)).toBe('ok');
    expect(await ben.ask(MODE)).toBe('ControlHeldError');
    expect(await ben.ask({ type: 'take_control' })).toBe('ControlHeldError');
    expect(await ben.ask({ type: 'take_control', force: true })).toBe('ok');
    expect(await anna.ask(MODE)).toBe('ControlHeldError');
    expect(await anna.ask({ type: 'emergency_stop' })).toBe('ok');
    expect((await anna.next('event')).text).toMatch(/took control from Anna/);
    expect(daemon.commands).toHaveLength(1);
    expect(daemon.stops).toEqual(['Anna']);
  });

  it('is free again when its holder leaves or gives it back', async () => {
    const { port } = await serve();
    const [anna, ben] = [new RawClient(port), new RawClient(port)];
    await Promise.all([anna.next('welcome'), ben.next('welcome')]);
    await anna.ask({ type: 'take_control' });
    await anna.ask({ type: 'release_control' });
    expect(await ben.ask(MODE)).toBe('ok');
    ben.socket.close();
    await anna.next('state', ({ state }) => state.clients === 1 && state.control === null);
    expect(await anna.ask(MODE)).toBe('ok');
  });
});

describe('access', () => {
  it('refuses to be reachable from the network without a token, and short tokens', async () => {
    await expect(serve({ bind: '0.0.0.0' })).rejects.toThrow(UsageError);
    await expect(serve({ token: 'short' })).rejects.toThrow(/at least 16/);
  });

  it('refuses pages of other sites, other host names and wrong tokens, by name', async () => {
    const { port } = await serve({ token: TOKEN });
    const refusal = async (headers: Record<string, string>): Promise<unknown> =>
      new Promise((resolve) => {
        const { socket } = new RawClient(port, headers);
        socket.on('unexpected-response', (_, response) => {
          response.on('data', (data: Buffer) => {
            resolve(JSON.parse(data.toString()).error.name);
          });
        });
        socket.on('open', () => {
          resolve('open');
        });
      });
    const authorization = `Bearer ${TOKEN}`;
    const host = `127.0.0.1:${port}`;
    expect(await refusal({ authorization })).toBe('open');
    expect(await refusal({ authorization, origin: `http://${host}` })).toBe('open');
    expect(await refusal({ authorization, origin: 'http://evil.example' })).toBe('ForbiddenOriginError');
    expect(await refusal({ authorization, origin: 'null' })).toBe('ForbiddenOriginError');
    expect(await refusal({ authorization, host: 'rebound.example' })).toBe('ForbiddenOriginError');
    expect(await refusal({})).toBe('TokenError');
    expect(await refusal({ authorization: `Bearer ${TOKEN}x` })).toBe('TokenError');
  });

  it('keeps the metrics behind the token too, and answers other paths with 404', async () => {
    const { port } = await serve({ token: TOKEN });
    const status = async (path: string): Promise<number | undefined> =>
      new Promise((resolve) => {
        get(`http://127.0.0.1:${port}${path}`, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
      });
    expect(await status('/metrics')).toBe(403);
    expect(await status(`/metrics?token=${TOKEN}`)).toBe(200);
    expect(await status('/../package.json')).toBe(404);
  });

  it('says who refused on the command line', async () => {
    const { port } = await serve({ token: TOKEN });
    await expect(ApiClient.connect({ url: `http://127.0.0.1:${port}` })).rejects.toThrow(RefusedError);
    await expect(ApiClient.connect({ url: 'http://127.0.0.1:9' })).rejects.toThrow(/alohad serve/);
  });
});

describe('streams', () => {
  it('go to subscribers only; frames are dropped for those who do not read', async () => {
    const { daemon, server, port } = await serve();
    const [reader, sleeper, other] = [new RawClient(port), new RawClient(port), new RawClient(port)];
    await Promise.all([reader, sleeper, other].map(async (client) => client.next('welcome')));
    for (const client of [reader, sleeper]) await client.ask({ type: 'subscribe', cameras: ['cam_high'] });
    expect(daemon.watchedCameras.at(-1)).toEqual(new Set(['cam_high']));
    let [received, misdelivered] = [0, 0];
    reader.socket.on('message', (_, binary) => (received += binary ? 1 : 0));
    other.socket.on('message', (_, binary) => (misdelivered += binary ? 1 : 0));
    sleeper.socket.pause();
    const frame = new Uint8Array(200_000);
    for (let i = 0; i < 100; i++) {
      server.stream(
        ({ cameras }) => cameras.has('cam_high'),
        () => frame,
      );
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(misdelivered).toBe(0);
    expect(received).toBeGreaterThan(10);
    expect(server.dropped).toBeGreaterThan(50);
    sleeper.socket.terminate();
  });
});

describe('a hostile crowd', () => {
  it('of 1000 clients is answered by name, and those who are in are still served', async () => {
    const { daemon, port } = await serve();
    const first = new RawClient(port);
    await first.next('welcome');
    const crowd = Array.from({ length: 1000 }, () => new RawClient(port));
    const outcomes = await Promise.all(
      crowd.map(async (client) =>
        Promise.race([
          client.next('welcome').then(() => 'in'),
          client.next('refused').then(({ error }) => error.name),
        ]),
      ),
    );
    expect(new Set(outcomes)).toEqual(new Set(['in', 'TooManyClientsError']));
    expect(outcomes.filter((outcome) => outcome === 'in')).toHaveLength(63);
    expect(await first.ask({ type: 'emergency_stop' })).toBe('ok');
    expect(daemon.stops).toHaveLength(1);
    for (const { socket } of crowd) socket.terminate();
  });
});
