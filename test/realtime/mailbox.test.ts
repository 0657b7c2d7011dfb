import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Mailbox, MAILBOX_BYTES } from '#alohad/realtime/mailbox.js';

const VALUES = 200;
const newBlock = (): SharedArrayBuffer => new SharedArrayBuffer(MAILBOX_BYTES + VALUES * 8);

describe('Mailbox between two threads', () => {
  it('hands 2,000 requests and answers over, none torn, lost or seen twice', async () => {
    const block = newBlock();
    const mailbox = new Mailbox(block);
    const data = new Float64Array(block, MAILBOX_BYTES);
    const server = new Worker(new URL('./mailboxServer.js', import.meta.url), { workerData: block });
    const report = new Promise<unknown>((resolve) => {
      server.once('message', resolve);
    });
    let wrong = 0;
    for (let request = 1; request <= 2000; request++) {
      data.fill(request);
      mailbox.handOver('client');
      // By sleeping, and now and then by polling: that takes a time slice where cores are scarce.
      if (request % 20 === 0) while (mailbox.turn() === 'server');
      else mailbox.waitWhile('server', 5000);
      if (mailbox.turn() !== 'client' || data.some((value) => value !== -request)) wrong++;
    }
    mailbox.close();
    expect(wrong).toBe(0);
    expect(await report).toEqual({ torn: 0, end: 'closed' });
    await server.terminate();
  });
});

describe('Mailbox', () => {
  it('gives up waiting after the timeout and says whose turn it still is', () => {
    const mailbox = new Mailbox(newBlock());
    mailbox.handOver('client');
    const beganMs = performance.now();
    expect(mailbox.waitWhile('server', 30)).toBe('server');
    expect(performance.now() - beganMs).toBeGreaterThanOrEqual(29);
  });

  it('obeys its rules under any sequence of calls', () => {
    const calls = fc.constantFrom('client', 'server', 'close', 'fail');
    fc.assert(
      fc.property(fc.array(calls, { maxLength: 40 }), (sequence) => {
        const mailbox = new Mailbox(newBlock());
        let expected = 'client';
        for (const call of sequence) {
          const over = expected === 'closed' || expected === 'failed';
          if (call === 'close') {
            mailbox.close();
            if (!over) expected = 'closed';
          } else if (call === 'fail') {
            mailbox.fail();
            if (!over) expected = 'failed';
          } else {
            mailbox.handOver(call === 'client' ? 'client' : 'server');
            if (expected === call) expected = call === 'client' ? 'server' : 'client';
          }
          expect(mailbox.turn()).toBe(expected);
        }
      }),
    );
  });

  it('keeps turns right when the count wraps', () => {
    const block = newBlock();
    new Int32Array(block, 0, 1)[0] = 0x7ffffffe;
    const mailbox = new Mailbox(block);
    expect(mailbox.turn()).toBe('client');
    mailbox.handOver('client');
    expect(mailbox.turn()).toBe('server');
    mailbox.handOver('server');
    expect(mailbox.turn()).toBe('client');
    mailbox.handOver('client');
    expect(mailbox.waitWhile('client', 0)).toBe('server');
  });
});
