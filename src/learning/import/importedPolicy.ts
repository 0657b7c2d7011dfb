/** A policy of other people's making, as this package's network: what the importers give. */
import type { ImageRequest } from '../../contract/camera.js';
import type { PolicyManifest } from '../../contract/checkpoint.js';
import type { TaskName } from '../../contract/task.js';
import type { ActConfig } from '../../network/actConfig.js';
import type { Weights } from '../../network/actParameters.js';
import { buildPolicyModel } from '../../network/policyModel.js';
import type { CheckpointContent } from '../checkpointFolder.js';

export interface ImportedPolicy {
  readonly config: ActConfig;
  readonly weights: Weights;
  /** In the order of the network's image inputs. */
  readonly images: readonly ImageRequest[];
  /** Where it came from and what was left out. */
  readonly provenance: PolicyManifest['provenance'];
}

/** The checkpoint to write of it. Its state holds weights but no optimizer, so that training starts afresh from it. */
export function checkpointOf(policy: ImportedPolicy, name: string, task: TaskName): CheckpointContent {
  const { config, weights, images, provenance } = policy;
  const { qpos, action } = config.normalisation;
  return {
    manifest: {
      name,
      task,
      architecture: { ...config },
      chunkSize: config.chunkSize,
      images,
      environmentStateSize: config.environmentStateSize,
      normalisation: { qpos, action },
      provenance,
    },
    model: buildPolicyModel(config, weights),
    weights,
    state: new Map([...weights].map(([parameter, weight]) => [`weights/${parameter}`, weight])),
  };
}
