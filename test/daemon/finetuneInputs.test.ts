/** What fine-tuning takes for granted of the episodes that it starts from. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { defaultRig } from '#alohad/config/rig.js';
import { firstOfPriorRuns, listDemonstrations } from '#alohad/daemon/finetuneInputs.js';
import { EpisodeWriter } from '#alohad/episodes/episodeWriter.js';
import { parseFinetuneConfig } from '#alohad/learning/finetune/finetuneConfig.js';
import { RolloutLog } from '#alohad/learning/finetune/rolloutLog.js';
import { exampleStep, INFO } from '../episodes/exampleStep.mjs';

const folder = mkdtempSync(join(tmpdir(), 'finetune-inputs-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A successful episode of backend emulated. */
function write(name: string, physicsSize: number): string {
  const writer = new EpisodeWriter(folder, name, { ...INFO, backend: 'emulated' });
  for (let step = 0; step < 5; step++) writer.appendStep(exampleStep(step, physicsSize));
  writer.finish({ success: true });
  return writer.path;
}

it('knows which episodes of emulated servos have a world that can be drawn, and which moved somebody else’s', () => {
  const paths = [write('own-world', 5), write('unknown-world', 0)];
  const request = {
    rig: defaultRig(),
    policy: 'shipped',
    demonstrations: folder,
    out: folder,
    workers: 1,
    threads: 1,
    overrides: {},
  };
  const told = { onProgress: () => {}, onLine: () => {} };
  const { entries } = listDemonstrations(request, 0, told);
  expect(entries.map(({ path, fromStates }) => [path, fromStates])).toEqual([
    [paths[0], true],
    [paths[1], false],
  ]);
  const folders = paths.map((path, n) => {
    const run = join(folder, `run-${n}`);
    mkdirSync(run);
    new RolloutLog(run).append({
      index: 0,
      seed: 0,
      path,
      actorVersion: 0,
      maxReward: 4,
      finalReward: 4,
      reward: Float64Array.of(4),
    });
    return run;
  });
  const prior = firstOfPriorRuns(parseFinetuneConfig({ prior: { folders } }), request);
  expect(prior.map(({ fromStates }) => fromStates)).toEqual([true, false]);
});
