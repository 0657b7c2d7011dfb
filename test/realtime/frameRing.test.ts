import { array, assert, integer, property } from 'fast-check';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { FrameRing } from '#alohad/realtime/frameRing.js';

const frame = (sequence: number, length: number): Uint8Array => new Uint8Array(length).fill(sequence % 251);

describe('a ring of frames', () => {
  it('gives the newest frame with its times, and those before it as long as they are there', () => {
    const ring = FrameRing.allocate(1000);
    const reader = new FrameRing(ring.memory);
    expect(reader.newest).toBe(0);
    expect(reader.read(0)).toBeUndefined();
    expect(reader.read(1)).toBeUndefined();
    ring.write(frame(1, 400), 10, 11);
    ring.write(frame(2, 500), 20, 22);
    expect(reader.newest).toBe(2);
    expect(reader.read(2)).toMatchObject({ sequence: 2, captureMs: 20, publishedMs: 22 });
    expect([...reader.read(1)!.bytes]).toEqual([...frame(1, 400)]);
    ring.write(frame(3, 300), 30, 33); // Takes the place of the first.
    expect(reader.read(1)).toBeUndefined();
    expect(reader.captureMs(1)).toBeUndefined();
    expect(reader.captureMs(3)).toBe(30);
    expect(reader.publishedMs(3)).toBe(33);
    expect([...reader.read(2)!.bytes]).toEqual([...frame(2, 500)]);
    expect(() => ring.write(new Uint8Array(1001), 0, 0)).toThrow(/does not fit/);
  });

  it('never shows bytes of another frame, whatever the sizes', () => {
    assert(
      property(array(integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 200 }), (lengths) => {
        const ring = FrameRing.allocate(100 + lengths.length);
        lengths.forEach((length, index) => {
          ring.write(frame(index + 1, length), index, index);
          for (let sequence = ring.oldest; sequence <= ring.newest; sequence++) {
            const { bytes } = ring.read(sequence)!;
            expect(bytes.length).toBe(lengths[sequence - 1]);
            expect(bytes.every((byte) => byte === sequence % 251)).toBe(true);
          }
        });
        expect(ring.newest).toBe(lengths.length);
      }),
    );
  });

  it('shows no torn frame to a reader in another thread', async () => {
    const ring = FrameRing.allocate(40_000);
    const writer = new Worker(
      `import { workerData, parentPort } from 'node:worker_threads';
       const { FrameRing } = await import(workerData.module);
       const ring = new FrameRing(workerData.memory);
       for (let n = 1; n <= 20000; n++) ring.write(new Uint8Array(5000 + (n % 7) * 1000).fill(n % 251), n, n);
       parentPort.postMessage('done');`,
      {
        eval: true,
        workerData: {
          module: new URL('../../dist/realtime/frameRing.js', import.meta.url).href,
          memory: ring.memory,
        },
      },
    );
    const state = { done: false };
    writer.once('message', () => {
      state.done = true;
    });
    let whole = 0;
    while (!state.done) {
      for (let attempt = 0; attempt < 200; attempt++) {
        const read = ring.read(ring.newest);
        if (!read) continue;
        whole++;
        const first = read.sequence % 251;
        expect(read.bytes.length).toBe(5000 + (read.sequence % 7) * 1000);
        expect(read.bytes.every((byte) => byte === first)).toBe(true);
      }
      await new Promise(setImmediate);
    }
    expect(ring.read(ring.newest)?.sequence).toBe(20_000);
    expect(whole).toBeGreaterThan(0);
    await writer.terminate();
  });
});
