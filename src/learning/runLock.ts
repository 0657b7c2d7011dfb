/**
 * One process at a time writes a run's folder: `running.json` says which. A learner outlives its daemon by up to a
 * minute, and two that append to one log would leave neither whole. What a killed process left behind holds nobody up.
 */
import { linkSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { AlohadError } from '../contract/errors.js';
import { storing, systemCode } from '../contract/systemError.js';
import { isAlive, pidOf, processToken } from '../episodes/processToken.js';

/** Another process is writing this run. */
export class RunBusyError extends AlohadError {}

const ownerSchema = z.object({
  host: z.string(),
  /** See episodes/processToken.ts. */
  writer: z.string(),
});
type Owner = z.infer<typeof ownerSchema>;

/** Returns what gives the folder back. Throws RunBusyError, StorageError. */
export function lockRun(folder: string): () => void {
  const path = join(folder, 'running.json');
  const own: Owner = { host: hostname(), writer: processToken(process.pid) ?? '' };
  const draft = `${path}.${process.pid}`;
  storing(path, () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(draft, `${JSON.stringify(own)}\n`);
  });
  try {
    if (!claimed(draft, path)) {
      requireGone(folder, path);
      rmSync(path, { force: true });
      if (!claimed(draft, path)) requireGone(folder, path);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return () => {
    rmSync(path, { force: true });
    try {
      rmdirSync(folder); // A folder in which no run was begun after all.
    } catch {
      // It holds a run.
    }
  };
}

/** A link is there whole or not at all, and only if nothing was. */
function claimed(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    return storing(path, () => {
      throw error;
    });
  }
}

/** Throws RunBusyError unless whoever claimed the folder has ended. */
function requireGone(folder: string, path: string): void {
  const owner = ownerOf(path);
  if (!owner) return;
  const here = owner.host === hostname();
  if (here && !isAlive(owner.writer)) return;
  throw new RunBusyError(
    `${folder} is being written by process ${pidOf(owner.writer)}${here ? '' : ` on ${owner.host}`}: wait until it has ended or ` +
      `stop it${here ? '' : `; if it is gone, delete ${path}`}`,
  );
}

function ownerOf(path: string): Owner | undefined {
  try {
    return ownerSchema.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data;
  } catch {
    return undefined;
  }
}
