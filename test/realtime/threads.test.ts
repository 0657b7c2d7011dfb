import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import type { FifoResult } from '#alohad/realtime/fifo.js';
import { monotonicMs } from '#alohad/realtime/monotonic.js';

interface ThreadFacts {
  readonly timeMs: number;
  readonly fifo: FifoResult;
  /** What `chrt` says of the thread, and of a thread that it started. */
  readonly parent: string;
  readonly child: string;
}

it('shares one clock between threads, and gives one thread FIFO priority or says what to do', async () => {
  const worker = new Worker(new URL('./threadFacts.js', import.meta.url));
  const answer = new Promise<ThreadFacts>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  const beforeMs = monotonicMs();
  worker.postMessage('now');
  const { timeMs, fifo, parent, child } = await answer;
  const afterMs = monotonicMs();
  expect(timeMs).toBeGreaterThanOrEqual(beforeMs);
  expect(timeMs).toBeLessThanOrEqual(afterMs);

  if (fifo.granted) expect(parent).toContain('SCHED_FIFO');
  else expect(fifo.advice).toContain('rtprio');
  expect(child).toContain('SCHED_OTHER');
  await worker.terminate();
});
