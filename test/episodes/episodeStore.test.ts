import { appendFileSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EpisodeError } from '#alohad/contract/errors.js';
import { EpisodeStore } from '#alohad/episodes/episodeStore.js';
import { EpisodeWriter } from '#alohad/episodes/episodeWriter.js';
import { verifyEpisode } from '#alohad/episodes/verifyEpisode.js';
import { exampleStep, INFO, temporaryFolder, writeExample } from './exampleEpisode.js';

const folder = temporaryFolder();
const LONG_AGO = new Date('2020-01-01');

describe('an episode store', () => {
  it('lists by name with facts and outcome, and hands out the next name', () => {
    writeExample(folder(), 'episode_000004', 50);
    writeExample(folder(), 'episode_000000', 3);
    const store = EpisodeStore.open(folder());
    expect(store.list()).toMatchObject([
      { name: 'episode_000000', info: INFO, outcome: { steps: 3, success: false } },
      { name: 'episode_000004', info: INFO, outcome: { steps: 50, success: true } },
    ]);
    expect(store.nextName()).toBe('episode_000005');
    const writer = store.create(INFO);
    expect(writer.name).toBe('episode_000005');
    expect(store.nextName()).toBe('episode_000006');
    writer.discard();
    expect(EpisodeStore.open(join(folder(), 'new'), { create: true }).nextName()).toBe('episode_000000');
  });

  it('reads the index instead of files that did not change, and notices those that did', () => {
    const path = writeExample(folder(), 'episode_000000', 50);
    // A whole number of milliseconds, as that is all utimes can put back.
    utimesSync(path, LONG_AGO, LONG_AGO);
    const store = EpisodeStore.open(folder());
    const before = store.list();
    // Same size and time, other content: only the index can still know the episode.
    const { size } = statSync(path);
    const bytes = readFileSync(path);
    writeFileSync(path, new Uint8Array(size));
    utimesSync(path, LONG_AGO, LONG_AGO);
    expect(store.list()).toEqual(before);
    writeFileSync(path, bytes);
    appendFileSync(path, 'x');
    expect(store.list()).toEqual([]);
    expect(store.unreadable).toMatchObject([{ path }]);
    rmSync(path);
    expect(store.list()).toEqual([]);
    expect(store.unreadable).toEqual([]);
  });

  it('survives a broken index', () => {
    writeExample(folder(), 'episode_000000', 3);
    writeFileSync(join(folder(), '.index.json'), '{"version":1,"headers":{"a":');
    expect(EpisodeStore.open(folder()).list()).toHaveLength(1);
  });

  it('overrides success by a label beside the file', () => {
    const path = writeExample(folder(), 'episode_000000', 50);
    const store = EpisodeStore.open(folder());
    const before = readFileSync(path);
    expect(store.list()[0]!.outcome.success).toBe(true);
    store.setLabel('episode_000000', false, 'fell at the end');
    expect(store.list()[0]!.outcome.success).toBe(false);
    expect(store.read('episode_000000').outcome.success).toBe(false);
    expect(store.label('episode_000000')).toMatchObject({ success: false, note: 'fell at the end' });
    expect(readFileSync(path)).toEqual(before);
    expect(() => store.setLabel('none', true, '')).toThrow(EpisodeError);
    writeFileSync(join(folder(), 'episode_000000.label.json'), 'nonsense');
    expect(() => store.read('episode_000000')).toThrow(/is not a label; correct or delete it/);
  });

  it('says which folder cannot be read', () => {
    expect(() => EpisodeStore.open(join(folder(), 'none'))).toThrow(/cannot read the episode folder .*none/);
  });
});

describe('verification', () => {
  it('finds nothing wrong with a good episode', () => {
    expect(verifyEpisode(writeExample(folder(), 'a', 30))).toEqual({
      faults: [],
      steps: 30,
      images: {},
      medianPeriodMs: 20.25,
      longestPeriodMs: 20.25,
    });
  });

  it('finds missing steps, time running backwards, NaN, a camera without images, and any flipped byte', () => {
    const faultsOf = (name: string, write: (writer: EpisodeWriter) => void): string => {
      const writer = new EpisodeWriter(folder(), name, { ...INFO, cameras: ['cam_high', 'cam_low'] });
      write(writer);
      writer.finish();
      return verifyEpisode(writer.path).faults.join('\n');
    };
    expect(
      faultsOf('gap', (writer) => [0, 1, 5].forEach((i) => writer.appendStep(exampleStep(i), i))),
    ).toMatch(/reward: steps 2..4 are missing/);
    expect(faultsOf('back', (writer) => [0, 9, 2].forEach((i) => writer.appendStep(exampleStep(i))))).toMatch(
      /joint_states: time runs backwards 1 times/,
    );
    expect(
      faultsOf('nan', (writer) =>
        writer.appendStep({ ...exampleStep(0), effort: new Float64Array(14).fill(NaN) }),
      ),
    ).toMatch(/effort: NaN at step 0/);
    expect(
      faultsOf('blind', (writer) => {
        writer.appendImage('cam_high', 0, Uint8Array.of(1));
        writer.appendStep(exampleStep(0));
      }),
    ).toBe('cam_low: no images');

    const path = writeExample(folder(), 'flipped', 30);
    const whole = readFileSync(path);
    const summary = Number(whole.readBigUInt64LE(whole.length - 28));
    for (let at = 8; at < summary; at += 997) {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= 0x10;
      writeFileSync(path, bytes);
      expect(verifyEpisode(path).faults, `byte ${at}`).not.toEqual([]);
    }
  });
});
