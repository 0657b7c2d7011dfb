import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { McapIndexedReader, McapWriter } from '@mcap/core';
import { describe, expect, it } from 'vitest';
import { EpisodeError, StorageError } from '#alohad/contract/errors.js';
import { DOF } from '#alohad/contract/robot.js';
import { EpisodeWriter } from '#alohad/episodes/episodeWriter.js';
import { readEpisode, readHeader } from '#alohad/episodes/readEpisode.js';
import { verifyEpisode } from '#alohad/episodes/verifyEpisode.js';
import { walkMcap } from '#alohad/episodes/walkMcap.js';
import { exampleStep, INFO, temporaryFolder, writeExample } from './exampleEpisode.js';

const folder = temporaryFolder();

describe('an episode file', () => {
  it('gives back every number exactly', () => {
    const episode = readEpisode(writeExample(folder(), 'a', 60));
    expect(episode.info).toEqual(INFO);
    expect(episode.outcome).toEqual({ steps: 60, maxReward: 4, finalReward: 4, success: true });
    for (let i = 0; i < 60; i++) {
      const step = exampleStep(i);
      expect(episode.qpos.subarray(i * DOF, (i + 1) * DOF)).toEqual(step.qpos);
      expect(episode.qvel.subarray(i * DOF, (i + 1) * DOF)).toEqual(step.qvel);
      expect(episode.effort.subarray(i * DOF, (i + 1) * DOF)).toEqual(step.effort);
      expect(episode.action.subarray(i * DOF, (i + 1) * DOF)).toEqual(step.action);
      expect(episode.physicsState.subarray(i * 5, (i + 1) * 5)).toEqual(step.physicsState);
      expect(episode.environmentState.subarray(i * 3, (i + 1) * 3)).toEqual(step.environmentState);
      expect(episode.reward[i]).toBe(step.reward);
      expect(episode.timeMs[i]).toBe(i * 20.25);
    }
  });

  it('keeps any finite numbers, sizes and texts (property)', () => {
    const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
    const row = (size: number) => fc.array(finite, { minLength: size, maxLength: size });
    const zeros = Array.from({ length: DOF }, () => 0);
    let count = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4 }).chain((physics) =>
          fc.record({
            steps: fc.array(
              fc.record({ qpos: row(DOF), action: row(DOF), physics: row(physics), reward: finite }),
              { maxLength: 12 },
            ),
            note: fc.string({ unit: 'grapheme' }),
            physics: fc.constant(physics),
          }),
        ),
        ({ steps, note, physics }) => {
          const info = { ...INFO, extra: { note } };
          const writer = new EpisodeWriter(folder(), `p${count++}`, info);
          for (const [i, step] of steps.entries()) {
            writer.appendStep({
              ...exampleStep(i),
              qpos: Float64Array.from(step.qpos),
              action: Float64Array.from(step.action),
              physicsState: Float64Array.from(step.physics),
              reward: step.reward,
            });
          }
          const outcome = writer.finish({ success: false });
          const episode = readEpisode(writer.path);
          expect(episode.info.extra).toEqual({ note });
          expect(episode.outcome).toEqual(outcome);
          expect([...episode.qpos]).toEqual(steps.flatMap((step) => step.qpos));
          expect([...episode.action]).toEqual(steps.flatMap((step) => step.action));
          expect([...episode.reward]).toEqual(steps.map((step) => step.reward));
          expect(episode.physicsState.length).toBe(steps.length * physics);
        },
      ),
      {
        numRuns: 40,
        // Found by this test once: a final reward of negative zero.
        examples: [
          [{ steps: [{ qpos: zeros, action: zeros, physics: [], reward: -0 }], note: '', physics: 0 }],
        ],
      },
    );
  });

  it('is read by the reference implementation, with its indices and CRCs', async () => {
    const path = writeExample(folder(), 'a', 60);
    const bytes = readFileSync(path);
    const reader = await McapIndexedReader.Initialize({
      readable: {
        size: () => Promise.resolve(BigInt(bytes.length)),
        read: (offset, size) => Promise.resolve(bytes.subarray(Number(offset), Number(offset + size))),
      },
    });
    expect(reader.header.profile).toBe('ros2');
    expect(reader.statistics?.messageCount).toBe(60n * 7n + 1n);
    expect(reader.metadataIndexes.map(({ name }) => name)).toEqual(['alohad.episode', 'alohad.outcome']);
    const numbers: number[] = [];
    for await (const { sequence } of reader.readMessages({ topics: ['/follower_left/joint_states'] })) {
      numbers.push(sequence);
    }
    expect(numbers).toEqual(Array.from({ length: 60 }, (_, i) => i));
  });

  it('stores attachments and stamps with wall-clock time', () => {
    const rig = { name: 'rig.yaml', mediaType: 'application/yaml', data: Uint8Array.of(1, 2, 3) };
    const writer = new EpisodeWriter(folder(), 'a', INFO, {
      attachments: [rig],
      timeOriginMs: 1_700_000_000_000,
    });
    writer.appendStep(exampleStep(0));
    writer.finish();
    const found: unknown[] = [];
    const times: bigint[] = [];
    walkMcap(writer.path, {
      attachment: (name, mediaType, data) => found.push({ name, mediaType, data: data.slice() }),
      message: ({ timeNs }) => times.push(timeNs),
    });
    expect(found).toEqual([rig]);
    expect(times[0]).toBe(1_700_000_001_000_000_000n);
  });

  it('has no final name before it is finished, and is never overwritten', () => {
    const writer = new EpisodeWriter(folder(), 'a', INFO);
    expect(() => readHeader(writer.path)).toThrow(EpisodeError);
    expect(() => new EpisodeWriter(folder(), 'a', INFO)).toThrow(StorageError);
    writer.finish();
    expect(() => new EpisodeWriter(folder(), 'a', INFO)).toThrow(/exists already; choose another name/);
  });

  it('names files that are not episodes, and chunks it cannot read', async () => {
    const parts: Uint8Array[] = [];
    const size = () => parts.reduce((sum, part) => sum + part.length, 0);
    const writer = new McapWriter({
      writable: {
        position: () => BigInt(size()),
        write: (part) => Promise.resolve(parts.push(part.slice())),
      },
      compressChunk: (data) => ({ compression: 'zstd', compressedData: data }),
    });
    await writer.start({ profile: '', library: '' });
    const channelId = await writer.registerChannel({
      topic: '/a',
      schemaId: 0,
      messageEncoding: 'cdr',
      metadata: new Map(),
    });
    await writer.addMessage({
      channelId,
      sequence: 0,
      logTime: 0n,
      publishTime: 0n,
      data: new Uint8Array(4),
    });
    await writer.end();
    const path = join(folder(), 'zstd.mcap');
    writeFileSync(path, Buffer.concat(parts));
    expect(() => verifyEpisode(path)).toThrow(/compressed with zstd; rewrite it with `mcap decompress`/);
    expect(() => readEpisode(path)).toThrow(/is an MCAP file, but not an episode of alohad/);

    expect(() => readEpisode(join(folder(), 'none.mcap'))).toThrow(/no such file/);
    expect(() => readEpisode(import.meta.filename)).toThrow(/not an MCAP file/);
  });
});
