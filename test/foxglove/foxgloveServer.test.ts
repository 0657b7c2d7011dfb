/** The protocol byte by byte, and who may look at what, with a bare WebSocket as the viewer. */
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { FoxgloveServer, type FoxgloveOptions } from '#alohad/foxglove/foxgloveServer.js';
import { encodeMessage, parseRequest } from '#alohad/foxglove/protocol.js';
import { FoxgloveViewer } from './foxgloveViewer.js';

const open: FoxgloveServer[] = [];
const unexpected: unknown[] = [];
async function serve(options: Partial<FoxgloveOptions> = {}): Promise<FoxgloveServer> {
  const server = await FoxgloveServer.start({
    bind: '127.0.0.1',
    port: 0,
    name: 'test',
    onUnexpected: (error) => unexpected.push(error),
    onWanted: () => {},
    ...options,
  });
  open.push(server);
  return server;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map(async (server) => server.close()));
  expect(unexpected).toEqual([]);
});

const CHANNEL = {
  topic: '/a',
  encoding: 'json',
  schemaName: 'A',
  schemaEncoding: 'jsonschema',
  schema: '{}',
} as const;

/** Status code of the answer to a request for a WebSocket; 101 when it was opened. */
async function knock(server: FoxgloveServer, protocols: string[], headers = {}, query = ''): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/${query}`, protocols, { headers });
  return await new Promise((resolve) => {
    socket.on('error', () => {});
    socket.on('open', () => {
      socket.close();
      resolve(101);
    });
    socket.on('unexpected-response', (request, response) => {
      request.destroy();
      resolve(response.statusCode ?? 0);
    });
  });
}

describe('the protocol', () => {
  it('puts opcode, subscription and nanoseconds before a message, little-endian', () => {
    const bytes = encodeMessage(0x01020304, 0x1112131415161718n, Uint8Array.of(9, 8));
    expect([...bytes]).toEqual([1, 4, 3, 2, 1, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 9, 8]);
  });

  it.each([
    '{',
    'null',
    '{"op":"advertise","channels":[]}',
    '{"op":"subscribe"}',
    '{"op":"subscribe","subscriptions":[{"id":-1,"channelId":1}]}',
    '{"op":"subscribe","subscriptions":[{"id":1e999,"channelId":1}]}',
    '{"op":"unsubscribe","subscriptionIds":["1"]}',
  ])('refuses %s', (text) => {
    expect(() => parseRequest(text)).toThrow(expect.objectContaining({ name: 'MessageError' }));
  });
});

describe('a viewer', () => {
  it('is told of channels, gets what it subscribed to, and nothing after it ended that', async () => {
    const server = await serve();
    const channel = server.offer(CHANNEL);
    const viewer = new FoxgloveViewer(server.port);
    const id = await viewer.channel('/a');
    expect(viewer.texts[0]).toMatchObject({ op: 'serverInfo', capabilities: [] });
    let made = 0;
    const publish = (value: number): void => {
      channel.publish(7n, () => {
        made += 1;
        return Uint8Array.of(value);
      });
    };
    publish(1);
    expect(made).toBe(0);
    viewer.send({ op: 'subscribe', subscriptions: [{ id: 5, channelId: id }] });
    await viewer.until(() => channel.wanted);
    publish(2);
    await viewer.until(() => viewer.messages.length > 0);
    expect(viewer.messages[0]).toMatchObject({ subscription: 5, timeNs: 7n });
    expect([...viewer.messages[0]!.payload]).toEqual([2]);
    viewer.send({ op: 'unsubscribe', subscriptionIds: [5] });
    await viewer.until(() => !channel.wanted);
    publish(3);
    expect(made).toBe(1);
    viewer.send({ op: 'subscribe', subscriptions: [{ id: 6, channelId: id }] });
    await viewer.until(() => channel.wanted);
    channel.withdraw();
    await viewer.until(() => viewer.texts.some(({ op }) => op === 'unadvertise'));
    viewer.socket.close();
    await viewer.until(() => server.viewers === 0);
  });

  it('gets the last message of a channel that keeps it', async () => {
    const server = await serve();
    server.offer(CHANNEL, true).publish(1n, () => Uint8Array.of(42));
    const viewer = new FoxgloveViewer(server.port);
    const id = await viewer.channel('/a');
    viewer.send({ op: 'subscribe', subscriptions: [{ id: 0, channelId: id }] });
    await viewer.until(() => viewer.messages.length > 0);
    expect([...viewer.messages[0]!.payload]).toEqual([42]);
    viewer.socket.close();
  });

  it('is answered by name whatever it sends, and stays connected', async () => {
    const server = await serve();
    const channel = server.offer(CHANNEL);
    const viewer = new FoxgloveViewer(server.port);
    const id = await viewer.channel('/a');
    const subscribe = (channelId: number, n = 1) =>
      JSON.stringify({ op: 'subscribe', subscriptions: [{ id: n, channelId }] });
    const hostile = [
      '{',
      Buffer.of(1, 2, 3),
      '{"op":"setParameters","parameters":[]}',
      subscribe(999),
      subscribe(id),
      subscribe(id),
      '{"op":"unsubscribe","subscriptionIds":[77]}',
    ];
    for (const message of hostile) viewer.socket.send(message);
    const errors = () => viewer.texts.filter(({ op, level }) => op === 'status' && level === 2);
    await viewer.until(() => errors().length === hostile.length - 1);
    for (const { message } of errors()) expect(message).toMatch(/^MessageError: ./);
    expect(channel.wanted).toBe(true);
    for (let n = 0; n < 300; n++) viewer.socket.send('{');
    await viewer.until(() => errors().some(({ message }) => message?.startsWith('TooManyMessagesError')));
    viewer.socket.close();
  });

  it('that does not read misses messages; nothing is queued for it and nobody else waits', async () => {
    const server = await serve();
    const channel = server.offer(CHANNEL);
    const [asleep, awake] = [new FoxgloveViewer(server.port), new FoxgloveViewer(server.port)];
    for (const viewer of [asleep, awake]) {
      const id = await viewer.channel('/a');
      viewer.send({ op: 'subscribe', subscriptions: [{ id: 0, channelId: id }] });
      await viewer.until(() => channel.wanted);
    }
    asleep.socket.pause();
    const big = new Uint8Array(200_000);
    let sent = 0;
    // More than any socket's buffer takes: what is not dropped by then would be queued.
    while (server.dropped < 50) {
      channel.publish(BigInt(++sent), () => big);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(server.backlog).toBeLessThan(48 * 1024 + 2 * big.length);
    expect(asleep.messages.length).toBeLessThan(sent - 50);
    await awake.until(() => awake.messages.length > 50);
    asleep.socket.terminate();
    awake.socket.close();
  });
});

describe('who may look', () => {
  const [NEW, OLD] = ['foxglove.sdk.v1', 'foxglove.websocket.v1'];
  it('asks for one of the two names of the protocol', async () => {
    const server = await serve();
    expect(await knock(server, [NEW])).toBe(101);
    expect(await knock(server, [OLD])).toBe(101);
    expect(await knock(server, ['other', NEW])).toBe(101);
    expect(await knock(server, ['other'])).toBe(400);
    expect(await knock(server, [])).toBe(400);
  });

  it.each([
    ['https://app.foxglove.dev', 101],
    ['file://', 101],
    ['http://localhost:8080', 101],
    ['http://127.0.0.1:3000', 101],
    ['https://evil.example', 403],
    ['https://foxglove.dev.evil.example', 403],
    ['https://evilfoxglove.dev', 403],
    ['http://foxglove.dev', 403],
    ['null', 403],
  ])('a page of %s: %i', async (origin, status) => {
    expect(await knock(await serve(), [NEW], { origin })).toBe(status);
  });

  it('comes under this machine’s name, and with the token where there is one', async () => {
    expect(await knock(await serve(), [NEW], { host: 'evil.example:8765' })).toBe(403);
    const token = '0123456789abcdef0123';
    const server = await serve({ token });
    expect(await knock(server, [NEW])).toBe(403);
    expect(await knock(server, [NEW], {}, `?token=${token}`)).toBe(101);
    await expect(serve({ bind: '0.0.0.0' })).rejects.toThrow(/token/);
  });

  it('is told on a plain request what this port is, and when the port is taken', async () => {
    const server = await serve();
    const answer = await fetch(`http://127.0.0.1:${server.port}/`);
    expect([answer.status, await answer.text()]).toEqual([426, expect.stringContaining('Foxglove')]);
    await expect(serve({ port: server.port })).rejects.toThrow(/--foxglove-port/);
  });
});
