import { fork } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EpisodeError, StorageError } from '#alohad/contract/errors.js';
import { DOF } from '#alohad/contract/robot.js';
import type { ByteSink } from '#alohad/episodes/byteSink.js';
import { FileSink } from '#alohad/episodes/byteSink.js';
import { EpisodeWriter } from '#alohad/episodes/episodeWriter.js';
import { EpisodeStore } from '#alohad/episodes/episodeStore.js';
import { readEpisode } from '#alohad/episodes/readEpisode.js';
import { recoverEpisode } from '#alohad/episodes/recoverEpisode.js';
import { verifyEpisode } from '#alohad/episodes/verifyEpisode.js';
import { exampleStep, INFO, temporaryFolder, writeExample } from './exampleEpisode.js';

const folder = temporaryFolder();
const LONG_AGO = new Date('2020-01-01');

/** Writes `bytes` as a recording that was given up long ago. */
function plant(name: string, bytes: Uint8Array): string {
  const path = join(folder(), `${name}.torn.mcap`);
  writeFileSync(path, bytes);
  utimesSync(path, LONG_AGO, LONG_AGO);
  return path;
}

/** The steps of the episode at `path` must be the first ones of the example. */
function expectPrefix(path: string): number {
  const episode = readEpisode(path);
  expect(episode.info).toEqual(INFO);
  for (let i = 0; i < episode.steps; i++) {
    expect(episode.qpos.subarray(i * DOF, (i + 1) * DOF)).toEqual(exampleStep(i).qpos);
  }
  expect(verifyEpisode(path).faults).toEqual([]);
  return episode.steps;
}

/** Takes `space` bytes, the last write in part, and no more. */
class FullDisk implements ByteSink {
  readonly #disk: ByteSink;
  #space: number;

  constructor(disk: ByteSink, space: number) {
    this.#disk = disk;
    this.#space = space;
  }

  get position(): number {
    return this.#disk.position;
  }

  write(bytes: Uint8Array): void {
    this.#disk.write(bytes.subarray(0, this.#space));
    if (bytes.length > this.#space) throw new StorageError('the disk is full');
    this.#space -= bytes.length;
  }

  sync(): void {
    this.#disk.sync();
  }

  close(): void {
    this.#disk.close();
  }
}

describe('a torn episode', () => {
  it('cut at every fiftieth of its length: an empty file is removed, else all finished chunks come back', () => {
    const whole = readFileSync(writeExample(folder(), 'whole', 200));
    let before = 0;
    for (let part = 0; part < 50; part++) {
      const length = Math.floor((whole.length * part) / 50);
      const path = plant(`cut${part}`, whole.subarray(0, length));
      expect(() => readEpisode(path)).toThrow(EpisodeError);
      const recovery = recoverEpisode(path);
      expect(existsSync(path)).toBe(false);
      if (recovery.result === 'empty') {
        expect(before).toBe(0);
        continue;
      }
      const steps = expectPrefix(recovery.path!);
      expect(steps).toBe(recovery.steps);
      expect(steps).toBeGreaterThanOrEqual(before);
      // A chunk and its index weigh 36 kB: no more than the unfinished one may be lost.
      expect(recovery.lostBytes).toBeLessThan(40_000);
      before = steps;
    }
    expect(before).toBeGreaterThan(180);
  });

  it('cut anywhere in its last 3 kB still gives all steps', () => {
    const whole = readFileSync(writeExample(folder(), 'whole', 10));
    for (let length = whole.length - 3000; length < whole.length; length += 29) {
      const { path, result } = recoverEpisode(plant(`cut${length}`, whole.subarray(0, length)));
      if (result === 'recovered') expect(expectPrefix(path!)).toBe(10);
      else expect(length).toBeLessThan(whole.length - 1000);
    }
  });

  it('with wrong bytes in the middle gives the steps before them and keeps the file as found', () => {
    const bytes = readFileSync(writeExample(folder(), 'whole', 200));
    bytes[bytes.length >> 1]! ^= 0xff;
    const { result, path, damagedCopy, reason } = recoverEpisode(plant('bad', bytes));
    expect(result).toBe('recovered');
    expect(reason).toMatch(/damaged/);
    expect(expectPrefix(path!)).toBeGreaterThan(60);
    expect(readFileSync(damagedCopy!)).toEqual(bytes);
  });

  it('left by a killed recorder keeps every chunk that was finished', async () => {
    const child = fork(join(import.meta.dirname, 'endlessRecorder.mjs'), [folder()], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const written = await new Promise<number>((resolve) => {
      child.on('message', (steps: number) => {
        if (steps >= 500) resolve(steps);
      });
    });
    expect(EpisodeStore.open(folder()).recoveries).toMatchObject([{ result: 'in use' }]);
    const ended = new Promise((resolve) => child.on('exit', resolve));
    child.kill('SIGKILL');
    await ended;

    const store = EpisodeStore.open(folder());
    expect(store.recoveries).toMatchObject([{ result: 'recovered' }]);
    const [entry] = store.list();
    // The child tells its steps after each append; a chunk holds 18 of them.
    expect(expectPrefix(entry!.path)).toBeGreaterThan(written - 20);
    expect(readdirSync(folder()).filter((name) => name.includes('.part'))).toEqual([]);
  });

  it('left by a disk that fills up at any byte loses no finished chunk', () => {
    for (let space = 0; space < 200_000; space += 9_973) {
      const name = `full${space}`;
      const sink = new FullDisk(FileSink.create(join(folder(), `${name}.part.mcap`)), space);
      let writer: EpisodeWriter | undefined;
      expect(() => {
        writer = new EpisodeWriter(folder(), name, INFO, { sink });
        for (let i = 0; i < 200; i++) writer.appendStep(exampleStep(i));
      }).toThrow(StorageError);
      if (!writer) continue;
      const { result, path, lostBytes } = recoverEpisode(writer.abandon());
      expect(lostBytes).toBeLessThan(40_000);
      if (result === 'recovered') expectPrefix(path!);
      else expect(space).toBeLessThan(45_000);
    }
  });

  it('is left alone while a file has only just been begun', () => {
    const path = join(folder(), 'new.part.mcap');
    writeFileSync(path, '');
    expect(recoverEpisode(path).result).toBe('in use');
    utimesSync(path, LONG_AGO, LONG_AGO);
    expect(recoverEpisode(path).result).toBe('empty');
  });

  it('never replaces a whole episode, and is not looked for under other names', () => {
    const whole = writeExample(folder(), 'a', 3);
    expect(() => recoverEpisode(plant('a', readFileSync(whole)))).toThrow(/exists already/);
    expect(() => recoverEpisode(whole)).toThrow(/not a torn episode/);
  });
});
