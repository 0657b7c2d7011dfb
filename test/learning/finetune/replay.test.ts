import { assert, integer, nat, property } from 'fast-check';
import { mkdtempSync, readdirSync, readFileSync, appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RandomStream } from '#alohad/episodes/randomStream.js';
import { DiskCache } from '#alohad/learning/finetune/diskCache.js';
import { LruCache } from '#alohad/learning/finetune/lruCache.js';
import { draw, Replay, type JudgedChunk } from '#alohad/learning/finetune/replay.js';
import { RolloutLog } from '#alohad/learning/finetune/rolloutLog.js';
import { SampleRecords } from '#alohad/learning/finetune/sampleRecord.js';

const sample = (rollout: number, label: number): JudgedChunk => ({
  path: `/episodes/${rollout}.mcap`,
  step: 300,
  label,
  rollout,
  seed: rollout,
  actorVersion: rollout,
  fromDemo: false,
});

describe('the replay', () => {
  test('keeps the newest of each kind, in order', () => {
    const replay = new Replay(3);
    for (let i = 0; i < 5; i++) replay.add([sample(i, 0.5), sample(i, -0.5)]);
    expect(replay.successes.map(({ rollout }) => rollout)).toEqual([2, 3, 4]);
    expect(replay.failures.map(({ rollout }) => rollout)).toEqual([2, 3, 4]);
  });

  test('forgets an episode that cannot be read', () => {
    const replay = new Replay(10);
    replay.add([sample(1, 0.5), sample(2, 0.5), sample(1, -0.5)]);
    replay.drop('/episodes/1.mcap');
    expect(replay.successes.map(({ rollout }) => rollout)).toEqual([2]);
    expect(replay.failures).toEqual([]);
  });

  test('of 100,000 samples needs little memory', () => {
    const before = process.memoryUsage().heapUsed;
    const replay = new Replay(100_000);
    for (let i = 0; i < 100_000; i++) replay.add([sample(i, 0.5)]);
    expect(replay.successes).toHaveLength(100_000);
    expect((process.memoryUsage().heapUsed - before) / 1e6).toBeLessThan(60);
  });
});

describe('drawing', () => {
  test('gives distinct items while there are enough, all of them likely alike', () => {
    assert(
      property(integer({ min: 1, max: 30 }), integer({ min: 0, max: 40 }), nat(), (size, count, seed) => {
        const items = Array.from({ length: size }, (_, i) => i);
        const drawn = draw(items, count, RandomStream.of(seed, 'draw'));
        expect(drawn).toHaveLength(count);
        if (count <= size) expect(new Set(drawn).size).toBe(count);
        for (const item of drawn) expect(items).toContain(item);
      }),
    );
    const counts = new Uint32Array(10);
    for (let seed = 0; seed < 5000; seed++)
      for (const item of draw([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 3, RandomStream.of(seed, 'x'))) counts[item]!++;
    for (const count of counts) expect(Math.abs(count - 1500)).toBeLessThan(150);
  });

  test('from nothing gives nothing', () => {
    expect(draw([], 3, RandomStream.of(1, 'x'))).toEqual([]);
  });
});

describe('the log of roll-outs', () => {
  const entry = (index: number) => ({
    index,
    seed: 1_000_000 + index,
    path: `/episodes/${index}.mcap`,
    actorVersion: index,
    maxReward: 4,
    finalReward: 2,
    reward: Float64Array.from([0, 0, 1, 4, 4, 2]),
  });

  test('reads back what was appended', () => {
    const folder = mkdtempSync(join(tmpdir(), 'log-'));
    const log = new RolloutLog(folder);
    log.append(entry(0));
    log.append(entry(1));
    expect(new RolloutLog(folder).entries).toEqual([entry(0), entry(1)]);
  });

  test('drops a line that was torn by a kill, and goes on behind the last whole one', () => {
    const folder = mkdtempSync(join(tmpdir(), 'log-'));
    new RolloutLog(folder).append(entry(0));
    const path = join(folder, 'rollouts.jsonl');
    const line = readFileSync(path, 'utf8');
    for (let cut = 1; cut < line.length - 1; cut += 7) {
      writeFileSync(path, line + line.slice(0, cut));
      const log = new RolloutLog(folder);
      expect(log.entries).toHaveLength(1);
      log.append(entry(1));
      expect(new RolloutLog(folder).entries).toHaveLength(2);
    }
  });

  test('names a damaged line and says what to do', () => {
    const folder = mkdtempSync(join(tmpdir(), 'log-'));
    new RolloutLog(folder).append(entry(0));
    appendFileSync(join(folder, 'rollouts.jsonl'), '{"index":7}\n');
    expect(() => new RolloutLog(folder)).toThrow(/damaged in line 2.*Cut the file before that line/s);
  });
});

describe('the cache of what was used last', () => {
  test('stays below its bytes, keeps what is used, makes the rest again', () => {
    const made: string[] = [];
    const cache = new LruCache<Uint8Array>(100, ({ byteLength }) => byteLength);
    const get = (key: string) =>
      cache.getSync(key, () => {
        made.push(key);
        return new Uint8Array(40);
      });
    get('a');
    get('b');
    get('a');
    get('c'); // b is the one used longest ago
    get('a');
    get('b');
    expect(made).toEqual(['a', 'b', 'c', 'b']);
    expect(cache.bytes).toBeLessThanOrEqual(100);
  });
});

describe('the cache on disk', () => {
  const record = (value: number) => new Uint8Array(10).fill(value);

  test('keeps the newest records, leaves no file, and tells what it has not', () => {
    const folder = mkdtempSync(join(tmpdir(), 'alohad-cache-'));
    const cache = new DiskCache(folder, 35); // Three records.
    for (let i = 0; i < 5; i++) cache.write(`sample ${i}`, record(i));
    expect(readdirSync(folder)).toEqual([]);
    const read = new Uint8Array(10);
    expect([0, 1].map((i) => cache.read(`sample ${i}`, read))).toEqual([false, false]);
    for (const i of [2, 3, 4]) {
      expect(cache.read(`sample ${i}`, read)).toBe(true);
      expect(read).toEqual(record(i));
    }
    cache.close();
    rmSync(folder, { recursive: true });
  });

  test('takes what memory drops', () => {
    const folder = mkdtempSync(join(tmpdir(), 'alohad-cache-'));
    const disk = new DiskCache(folder, 1000);
    const memory = new LruCache<Uint8Array<ArrayBuffer>>(
      20,
      ({ byteLength }) => byteLength,
      (key, value) => disk.write(key, value),
    );
    for (let i = 0; i < 4; i++) memory.getSync(`${i}`, () => record(i));
    expect([0, 1, 2, 3].map((i) => disk.has(`${i}`))).toEqual([true, true, false, false]);
    disk.close();
    rmSync(folder, { recursive: true });
  });

  test('packs samples into bytes and back into a batch, padded behind the end', () => {
    const steps = 3;
    const column = (width: number, from: number) =>
      Float64Array.from({ length: steps * width }, (_, i) => from + i);
    const episode = {
      steps,
      qpos: column(14, 0),
      action: column(14, 1000),
      environmentState: column(7, 2000),
    };
    const records = new SampleRecords({ chunkSize: 4, environmentSize: 7 });
    const picture = Uint8Array.of(1, 2, 3, 4);
    const maps = Float32Array.of(0.5, 0.25);
    const packed = [0, 2].map((step) => records.pack('episode', episode, step, [picture, maps]));
    const batch = records.assemble(packed);
    expect(Array.from(batch.qpos)).toEqual([
      ...episode.qpos.subarray(0, 14),
      ...episode.qpos.subarray(28, 42),
    ]);
    expect(Array.from(batch.environmentState!.subarray(7))).toEqual([
      ...episode.environmentState.subarray(14, 21),
    ]);
    expect(Array.from(batch.isPad)).toEqual([0, 0, 0, 1, 0, 1, 1, 1]);
    const last = Array.from(episode.action.subarray(28, 42));
    expect(Array.from(batch.actions.subarray(4 * 14))).toEqual([...last, ...last, ...last, ...last]);
    expect(batch.images).toEqual([
      Uint8Array.of(1, 2, 3, 4, 1, 2, 3, 4),
      Float32Array.of(0.5, 0.25, 0.5, 0.25),
    ]);
    expect(() => records.pack('episode', episode, 3, [])).toThrow(
      'episode has 3 steps, step 3 was asked for',
    );
  });
});
