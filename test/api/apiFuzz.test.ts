import {
  assert,
  asyncProperty,
  constantFrom,
  dictionary,
  oneof,
  json,
  string,
  uint8Array,
  anything,
} from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandSchema } from '#alohad/contract/api.js';
import { RawClient, serveFake } from './fakeDaemon.js';

let served: Awaited<ReturnType<typeof serveFake>>;
beforeAll(async () => {
  served = await serveFake();
});
afterAll(async () => {
  await served.server.close();
});

const types = commandSchema.options.map(({ shape }) => shape.type.value);

/** From line noise to what is nearly a command. */
const hostile: Arbitrary<string | Buffer> = oneof(
  string({ unit: 'binary', maxLength: 300 }),
  json({ maxDepth: 6 }),
  uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  dictionary(
    constantFrom('request', 'cameras', 'force', 'episode', 'success', 'backend', 'name', 'id', '__proto__'),
    anything({ maxDepth: 2, withNullPrototype: true }),
  ).chain((rest) => constantFrom(...types).map((type) => asText({ v: 1, type, ...rest }))),
  constantFrom(
    '['.repeat(50_000),
    'x'.repeat(200_000),
    '{"v":1,"type":"mode","request":{"mode":"trial","seed":-0}}}',
  ),
);

function asText(value: unknown): string {
  try {
    return (
      JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part)) ??
      'undefined'
    );
  } catch {
    return 'circular';
  }
}

describe('fuzzed messages', () => {
  it('are each answered, by name when refused; what reaches the daemon is a whole command', async () => {
    const names = new Set<string>();
    let client: RawClient | undefined;
    let sent = 0;
    await assert(
      asyncProperty(hostile, async (message) => {
        // A new client now and then: one alone may not send that many.
        if (!client || sent++ % 100 === 0) client = new RawClient(served.server.port);
        await client.next('welcome');
        const answered = client.messages.length;
        client.send(message);
        while (client.answers() === 0) await new Promise((resolve) => setTimeout(resolve, 1));
        const answer = client.messages
          .splice(answered)
          .find(({ type }) => type === 'ok' || type === 'refused');
        if (answer?.type !== 'refused') return;
        expect(answer.error.name).toMatch(/Error$/);
        expect(answer.error.message).not.toBe('');
        names.add(answer.error.name);
      }),
      { numRuns: 300 },
    );
    for (const { command } of served.daemon.commands) {
      expect(command.type === 'mode' ? command.request.mode : command.type).toBeTypeOf('string');
    }
    expect(served.unexpected).toEqual([]);
    expect(names).toContain('MessageError');
    expect(names).toContain('MessageTooLargeError');
  });
});
