import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { Supervised, type RunningChild } from '#alohad/daemon/serve/supervised.js';

/** A child that dies when told to. */
class Mortal implements RunningChild {
  readonly ended: Promise<string | undefined>;
  die: (reason: string | undefined) => void = () => {};
  constructor() {
    this.ended = new Promise((resolve) => {
      this.die = resolve;
    });
  }
  end(): void {
    this.die(undefined);
  }
}

const BACKOFF = { firstMs: 20, longestMs: 80, provenMs: 10_000, graceMs: 200 };
const sleep = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function family(faults: number[] = []) {
  const born: { child: Mortal; atMs: number }[] = [];
  const reasons: string[] = [];
  let starts = 0;
  const supervised = new Supervised<Mortal>(
    'mortal',
    async () => {
      if (faults.includes(starts++)) throw new Error(`start ${starts} failed`);
      const child = new Mortal();
      born.push({ child, atMs: performance.now() });
      return child;
    },
    (reason) => {
      if (reason !== undefined) reasons.push(reason);
    },
    BACKOFF,
  );
  const birth = async (count: number): Promise<void> => {
    while (born.length < count) await sleep(2);
  };
  return { supervised, born, reasons, birth };
}

describe('Supervised', () => {
  it('starts a child again when it died, later each time, and says why', async () => {
    const { supervised, born, reasons, birth } = family();
    await supervised.start();
    const waits: number[] = [];
    for (let death = 1; death <= 4; death++) {
      const diedMs = performance.now();
      born.at(-1)!.child.die(`death ${death}`);
      await sleep(0);
      expect(supervised.state).toMatchObject({
        state: 'waiting to restart',
        deaths: death,
        lastError: `death ${death}`,
      });
      expect(supervised.child).toBeUndefined();
      await birth(death + 1);
      waits.push(born.at(-1)!.atMs - diedMs);
    }
    expect(waits[0]).toBeGreaterThanOrEqual(19);
    expect(waits[1]).toBeGreaterThanOrEqual(39);
    expect(waits[3]).toBeGreaterThanOrEqual(79);
    expect(reasons).toEqual(['death 1', 'death 2', 'death 3', 'death 4']);
    await supervised.stop();
  });

  it('goes on trying when a new start fails, but not when the first does', async () => {
    const { supervised, born, birth } = family([1, 2]);
    await supervised.start();
    born[0]!.child.die('once');
    await birth(2);
    expect(supervised.state.deaths).toBe(3);
    await supervised.stop();

    const hopeless = family([0]);
    await expect(hopeless.supervised.start()).rejects.toThrow('start 1 failed');
    expect(hopeless.supervised.state).toMatchObject({ state: 'stopped', lastError: 'start 1 failed' });
    await sleep(50);
    expect(hopeless.born).toHaveLength(0);
  });

  it('kills who does not end when asked to, after a while, and says so', async () => {
    const said: (string | undefined)[] = [];
    const stubborn = new Supervised<RunningChild>(
      'stubborn',
      async () => {
        const script = 'process.on("SIGINT", () => {}); setInterval(() => {}, 1000); console.log("deaf")';
        const child = spawn(process.execPath, ['-e', script]);
        await new Promise((resolve) => child.stdout.once('data', resolve));
        return {
          ended: new Promise((resolve) => {
            child.on('close', (_, signal) => resolve(String(signal)));
          }),
          end: () => child.kill('SIGINT'),
          kill: () => child.kill('SIGKILL'),
        };
      },
      (reason) => said.push(reason),
      BACKOFF,
    );
    const { ended } = await stubborn.start();
    const askedMs = performance.now();
    await stubborn.stop();
    expect(await ended).toBe('SIGKILL');
    expect(performance.now() - askedMs).toBeGreaterThanOrEqual(199);
    const words = 'it did not end within 0.2 s of being asked to, and was killed';
    expect(said).toContain(words);
    expect(stubborn.state).toMatchObject({ state: 'stopped', deaths: 0, lastError: words });
  });

  it('leaves alone who was done, or was stopped, also while waiting to start it again', async () => {
    const done = family();
    await done.supervised.start();
    done.born[0]!.child.die(undefined);
    await sleep(50);
    expect(done.supervised.state).toMatchObject({ state: 'stopped', deaths: 0 });

    const waiting = family();
    await waiting.supervised.start();
    waiting.born[0]!.child.die('gone');
    await sleep(0);
    await waiting.supervised.stop();
    await sleep(60);
    expect(waiting.born).toHaveLength(1);
    expect(waiting.supervised.state.state).toBe('stopped');
  });
});
