/** Example episodes for the tests of this folder. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { EpisodeWriter } from '#alohad/episodes/episodeWriter.js';
import { exampleStep, INFO } from './exampleStep.mjs';

export { exampleStep, INFO };

/** Writes a finished episode of `steps` example steps. Returns its path. */
export function writeExample(folder: string, name: string, steps: number): string {
  const writer = new EpisodeWriter(folder, name, INFO);
  for (let i = 0; i < steps; i++) writer.appendStep(exampleStep(i));
  writer.finish();
  return writer.path;
}

/** A folder of its own for each test of the calling suite, removed afterwards. */
export function temporaryFolder(): () => string {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'alohad-episodes-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  return () => folder;
}
