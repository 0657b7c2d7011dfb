/** Looks at everything that a rig needs before anything moves, and changes nothing. */
import { rosDistribution } from '../../config/environment.js';
import type { Rig } from '../../config/rig.js';
import { AlohadError } from '../../contract/errors.js';
import { finding, type Finding } from '../../contract/finding.js';
import { loadCheckpoint } from '../../policy/checkpoint.js';
import { checkpointFolder } from '../parts.js';
import { armOfBus } from '../rigArms.js';
import { checkArm } from './arm.js';
import { checkCameras } from './cameras.js';
import { checkMachine } from './machine.js';

export interface PreflightRequest {
  readonly rig: Rig;
  /** Where episodes are to be recorded. */
  readonly episodes: string;
  /** A shipped policy's name or a checkpoint folder; absent: none is needed. */
  readonly policy?: string;
}

/** Calls `onFinding` with each finding as it is made. Returns all of them. */
export async function preflight(
  { rig, episodes, policy }: PreflightRequest,
  onFinding: (finding: Finding) => void = () => {},
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const tell = (more: readonly Finding[]): void => {
    findings.push(...more);
    more.forEach(onFinding);
  };
  tell(checkMachine(episodes, rosDistribution()));
  if (policy !== undefined) tell([await checkPolicy(policy, rig)]);
  for (const [name, bus] of Object.entries(rig.buses)) {
    tell(await checkArm({ name, port: bus.port, profile: armOfBus(name, bus).profile }));
  }
  tell(await checkCameras(rig));
  return findings;
}

async function checkPolicy(policy: string, rig: Rig): Promise<Finding> {
  try {
    const { manifest } = await loadCheckpoint(checkpointFolder(policy, rig.task));
    const cameras = manifest.images.map(({ camera }) => camera).join(', ') || 'no camera';
    return finding('policy', policy, 'ok', `${manifest.name} for ${manifest.task}, ${cameras}`);
  } catch (error) {
    if (!(error instanceof AlohadError)) throw error;
    return finding('policy', policy, 'fail', error.message, 'give another --policy');
  }
}
