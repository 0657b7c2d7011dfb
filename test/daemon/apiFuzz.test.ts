/**
 * The control API of a real daemon, in simulation, against everything that a stranger can send: no arm moves, nothing
 * dies, every message is answered, by name when refused. Whoever is in control stays so: the commands that would take
 * control away with `force` are the only whole ones that are not sent.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  anything,
  array,
  constantFrom,
  dictionary,
  json,
  oneof,
  record,
  sample,
  string,
  uint8Array,
} from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ApiClient } from '#alohad/api/apiClient.js';
import { commandSchema } from '#alohad/contract/api.js';
import { decodeFrame } from '#alohad/contract/apiFrames.js';
import { RawClient } from '../api/fakeDaemon.js';
import { ServedDaemon, until } from './servedDaemon.js';

const SEED = 20_261_126;
const MESSAGES = 900;
/** Some seconds; ten times as many where the machine has other things to do [ms]. */
const PATIENCE_MS = 180_000;
/** Fewer than a client may send at once, so that most are looked at and not refused for their number. */
const AT_ONCE = 150;
const CLIENTS = 1000;

let daemon: ServedDaemon;
let owner: ApiClient;
let watcher: RawClient;
const goals: number[][] = [];

beforeAll(async () => {
  daemon = await ServedDaemon.start();
  owner = await daemon.client();
  await until(owner, ({ arms }) => arms === 'holding');
  await owner.send({ type: 'take_control' });
  watcher = new RawClient(daemon.port);
  watcher.socket.binaryType = 'arraybuffer';
  await watcher.next('welcome');
  watcher.socket.on('message', (data: ArrayBuffer, binary: boolean) => {
    const frame = binary ? decodeFrame(data) : undefined;
    if (frame?.kind === 'joints') goals.push([...frame.goal]);
  });
  await watcher.ask({ type: 'subscribe', joints: true });
  await until(owner, () => goals.length > 3);
  goals.length = 0;
}, 120_000);
afterAll(async () => {
  owner.close();
  watcher.socket.close();
  expect(await daemon.stop()).toBe(0);
});

const types = commandSchema.options.map(({ shape }) => shape.type.value);
const numbers = constantFrom<unknown>(NaN, Infinity, -Infinity, -0, 1e308, -1, 2 ** 53, '1', null, [], {});
const asText = (value: unknown): string => {
  try {
    const text = JSON.stringify(value, (_, part: unknown) =>
      typeof part === 'bigint' || (typeof part === 'number' && !Number.isFinite(part)) ? `@${part}@` : part,
    );
    // NaN and infinities as a careless client writes them.
    return (text ?? 'undefined').replaceAll(/"@([^@"]*)@"/g, '$1');
  } catch {
    return 'circular';
  }
};

const nearly = dictionary(
  constantFrom(
    'request',
    'cameras',
    'joints',
    'force',
    'episode',
    'success',
    'backend',
    'name',
    'id',
    'goal',
    '__proto__',
  ),
  oneof(anything({ maxDepth: 2 }), numbers),
).chain((rest) => constantFrom(...types).map((type) => asText({ v: 1, type, ...rest })));

/** Whole but for a value: what a mode is told, and joint goals. */
const wrong = record({
  mode: constantFrom('trial', 'record', 'replay', 'finetune', 'remote', 'idle', 'jump'),
  episodes: numbers,
  seed: numbers,
  torque: numbers,
}).chain((request) =>
  array(numbers, { maxLength: 20 }).chain((goal) =>
    constantFrom(
      asText({ v: 1, id: 1, type: 'mode', request }),
      asText({ v: 1, id: 1, type: 'move', goal, moves: [{ goal, seconds: -1 }] }),
      asText({ v: 1, id: 1, type: 'mode', request: { mode: 'trial', policy: 'script' } }),
      asText({ v: 1, id: 1, type: 'mode', request: { mode: 'idle', torque: 'limp' } }),
      asText({ v: 1, id: 1, type: 'backend', backend: 'emulated' }),
      asText({ v: 1, id: 1, type: 'clear_emergency_stop' }),
      asText({ v: 1, id: 1, type: 'take_control' }),
    ),
  ),
);

const hostile = oneof(
  string({ unit: 'binary', maxLength: 300 }),
  json({ maxDepth: 6 }),
  uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  nearly,
  nearly,
  wrong,
  wrong,
  constantFrom(
    '['.repeat(50_000),
    'x'.repeat(200_000),
    '{"v":1,"type":"state"',
    'NaN',
    '{"v":NaN}',
    '[1e999]',
  ),
);

/** Whole commands that may be given by anybody, or take control away: not what this test is about. */
function isAllowed(message: string | Buffer): boolean {
  try {
    const parsed = commandSchema.safeParse(JSON.parse(String(message)));
    if (!parsed.success) return false;
    return (
      parsed.data.type === 'emergency_stop' || (parsed.data.type === 'take_control' && parsed.data.force)
    );
  } catch {
    return false;
  }
}

it(
  'answers each of many hostile messages by name, and no goal changes',
  async () => {
    const messages = sample(hostile, { numRuns: MESSAGES, seed: SEED }).filter((one) => !isAllowed(one));
    const names = new Map<string, number>();
    for (let first = 0; first < messages.length; first += AT_ONCE) {
      const batch = messages.slice(first, first + AT_ONCE);
      const stranger = new RawClient(daemon.port);
      // Some come before the welcome was read.
      await new Promise((resolve) => stranger.socket.once('open', resolve));
      for (const message of batch) stranger.send(message);
      let closed: number | undefined;
      void stranger.closed.then((code) => (closed = code));
      while (stranger.answers() < batch.length) {
        if (closed !== undefined)
          throw new Error(`closed (${closed}) after ${stranger.answers()} answers of ${batch.length}`);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      for (const message of stranger.messages) {
        if (message.type !== 'refused') continue;
        expect(message.error.name).toMatch(/^[A-Z]\w+Error$/);
        expect(message.error.name).not.toBe('UnexpectedError');
        expect(message.error.message).not.toBe('');
        names.set(message.error.name, (names.get(message.error.name) ?? 0) + 1);
      }
      stranger.socket.close();
    }
    for (const name of ['MessageError', 'MessageTooLargeError', 'ApiVersionError', 'ControlHeldError'])
      expect([...names.keys()]).toContain(name);
    await expectUnmoved();
  },
  PATIENCE_MS,
);

it(
  'ends a connection that sends more than it will ever read, and lets others be',
  async () => {
    const stranger = new RawClient(daemon.port);
    await stranger.next('welcome');
    stranger.send('x'.repeat(9 * 1024 * 1024));
    expect(await stranger.closed).toBe(1009);
    await expectUnmoved();
  },
  PATIENCE_MS,
);

it(
  'refuses by name who comes when it is full, of a thousand, and serves those who are in',
  async () => {
    const crowd: RawClient[] = [];
    while (crowd.length < CLIENTS) {
      const group = Array.from({ length: 100 }, () => new RawClient(daemon.port));
      crowd.push(...group);
      await Promise.all(
        group.map(async (client) =>
          Promise.race([client.next('welcome'), client.next('refused'), client.closed]),
        ),
      );
    }
    const first = crowd.map(({ messages }) => messages[0]);
    expect(first.filter((message) => message === undefined)).toEqual([]);
    expect(first.filter((message) => message?.type === 'welcome').length).toBeGreaterThan(50);
    const refused = first.flatMap((message) => (message?.type === 'refused' ? message.error.name : []));
    expect(new Set(refused)).toEqual(new Set(['TooManyClientsError']));
    // A place is free again when somebody in the crowd does not answer a heartbeat, as it is busy with the others.
    expect(refused.length).toBeGreaterThan(CLIENTS / 2);
    for (const { socket } of crowd) socket.terminate();
    await until(owner, ({ clients }) => clients < 5);
    await expectUnmoved();
  },
  PATIENCE_MS,
);

it(
  'still hears an emergency stop, and has logged no fault of its own',
  async () => {
    const stranger = await daemon.client();
    await stranger.send({ type: 'emergency_stop' });
    expect((await owner.askState()).emergencyStop).not.toBeNull();
    stranger.close();
    const faults = readFileSync(join(daemon.folder, 'log'), 'utf8')
      .split('\n')
      .filter((line) => /"level":(50|60)/.test(line));
    expect(faults).toEqual([]);
  },
  PATIENCE_MS,
);

/** The arms hold as they did, the loop has gone on, and nothing died. */
async function expectUnmoved(): Promise<void> {
  const seen = goals.length;
  const state = await until(owner, () => goals.length > seen + 3);
  expect(state).toMatchObject({ mode: 'idle', arms: 'holding', changing: false, emergencyStop: null });
  expect(state.control?.client).toBe(1);
  expect(state.children.map(({ deaths }) => deaths)).toEqual(state.children.map(() => 0));
  for (const goal of goals) expect(goal).toEqual(goals[0]);
}
