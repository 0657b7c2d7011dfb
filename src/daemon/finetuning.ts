/** Fine-tuning as the `finetune` verb runs it: start policy, demonstrations and worlds in; a better policy out. */
import { join } from 'node:path';
import type { Rig } from '../config/rig.js';
import { AlohadError } from '../contract/errors.js';
import { DiskPatience } from '../learning/finetune/diskPatience.js';
import { Finetuning } from '../learning/finetune/finetune.js';
import { lockRun } from '../learning/runLock.js';
import { stepBack } from '../realtime/background.js';
import {
  firstOfPriorRuns,
  listDemonstrations,
  readStart,
  requireDemonstrations,
  requireSameRobot,
} from './finetuneInputs.js';
import { buildParts } from './finetuneParts.js';
import type { FinetuneReport, FinetuneRequest } from './finetuneRequest.js';
import { LOOP_FILE, openRun, readConfig, readTensors } from './finetuneRun.js';
import { FinetuneSession } from './finetuneSession.js';
import { reportRun } from './runFailures.js';
import type { RunListener } from './runListener.js';

/** Throws UsageError, CheckpointError, EpisodeError, RunBusyError, StorageError. */
export async function finetune(
  request: FinetuneRequest,
  listener: RunListener,
  signal: AbortSignal,
): Promise<FinetuneReport> {
  if (request.background) stepBack();
  const release = lockRun(request.out);
  try {
    return await learn(request, listener, signal);
  } finally {
    release();
  }
}

async function learn(
  request: FinetuneRequest,
  listener: RunListener,
  signal: AbortSignal,
): Promise<FinetuneReport> {
  const config = readConfig(request);
  const start = readStart(request, config);
  requireDemonstrations(request);
  // After these: a folder that is made for nothing would be taken for a run.
  const run = openRun(request, config);
  const demonstrations = listDemonstrations(request, config.diagnostics.heldOut, listener);
  requireSameRobot(start, demonstrations.entries, request);
  for (const episode of firstOfPriorRuns(config, request)) requireSameRobot(start, [episode], request);
  const patience = new DiskPatience(signal);
  patience.say = (text) => listener.onLine(text);
  const parts = await buildParts(request, config, run, start, demonstrations, patience, signal);
  const session = new FinetuneSession(request, config, run, parts, patience, listener);
  try {
    const loop = new Finetuning(
      {
        config,
        actor: parts.actor,
        ...(parts.algorithm && { algorithm: parts.algorithm }),
        source: parts.farm,
        demonstrations: parts.sampler,
        ...(parts.explorers && { explorers: parts.explorers }),
        hooks: session,
        signal,
      },
      run.state,
      run.checkpoint === undefined ? new Map() : readTensors(join(run.checkpoint, LOOP_FILE)),
    );
    const state = await loop.run();
    session.finish();
    return {
      algorithm: config.algorithm,
      seed: config.seed,
      rollouts: state.rollouts,
      interrupted: signal.aborted,
      evaluations: session.evaluations,
      deployed: join(run.folder, 'deployed'),
      page: await writtenReport(run.folder, request.rig, listener, signal),
      out: run.folder,
    };
  } finally {
    await parts.close();
  }
}

/** The run is done whether or not its report can be written. */
async function writtenReport(
  folder: string,
  rig: Rig,
  listener: RunListener,
  signal: AbortSignal,
): Promise<string> {
  try {
    return await reportRun(folder, rig, listener, signal);
  } catch (error) {
    if (!(error instanceof AlohadError)) throw error;
    listener.onLine(`${error.message}; \`alohad report ${folder}\` writes it later`);
    return join(folder, 'report.html');
  }
}
