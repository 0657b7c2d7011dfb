/** The inference thread of the policy that the daemon runs: loaded once, used by many episodes, watched. */
import type { PolicyManifest } from '../../contract/checkpoint.js';
import { loadCheckpoint } from '../../policy/checkpoint.js';
import { InferenceClient } from '../../policy/inferenceClient.js';
import type { RunningChild } from './supervised.js';

export interface PolicyChild extends RunningChild {
  readonly folder: string;
  readonly manifest: PolicyManifest;
  /** Shared memory through which it is asked; see InferenceClient.attach. */
  readonly block: SharedArrayBuffer;
}

/** Resolves when it is warm. Throws CheckpointError. */
export async function startPolicy(folder: string, threads: number): Promise<PolicyChild> {
  const checkpoint = await loadCheckpoint(folder);
  const client = await InferenceClient.start(checkpoint, { threads });
  let closing = false;
  return {
    folder,
    manifest: checkpoint.manifest,
    block: client.block,
    ended: client.ended.then(() => {
      if (closing) return undefined;
      return client.lastWords === '' ? 'it was ended from outside' : client.lastWords;
    }),
    end: () => {
      closing = true;
      void client.close();
    },
  };
}
