/** A run as the daemon plays it: what its policy needs is there first, then its episodes one after the other. */
import { UnavailableError } from '../../contract/apiErrors.js';
import type { Children } from './children.js';
import type { EpisodeEnd, ServedSource } from './orders.js';
import type { RunPlan } from './runs.js';
import type { Scoreboard } from './scoreboard.js';

/** Loads the policy of `plan`, if it has one. Throws CheckpointError, and UnavailableError for a camera that is not there. */
export async function loadActor(
  { source, rig }: RunPlan,
  children: Children,
  cameras: readonly string[],
): Promise<void> {
  if (source.kind !== 'policy') return;
  const { manifest } = await children.policy(source.folder, rig);
  const missing = manifest.images.map(({ camera }) => camera).filter((camera) => !cameras.includes(camera));
  if (missing.length > 0)
    throw new UnavailableError(
      `policy ${manifest.name} needs ${missing.join(', ')}; there is ${cameras.join(', ')}`,
    );
}

/**
 * The arms hold between episodes.
 * @param goesOn asked before each episode, also before one that is played again
 * @returns whether all were played
 */
export async function playRun(
  plan: RunPlan,
  scoreboard: Scoreboard,
  children: Children,
  goesOn: () => boolean,
  onEpisode: () => void,
): Promise<boolean> {
  for (const start of plan.starts) {
    const { rig, steps, record } = plan;
    const source = await served(plan, children);
    const episode = { rig, start, steps, source, ...(record && { record }) };
    let result: EpisodeEnd | undefined;
    do {
      if (!goesOn()) return false;
      result = await children.loop.order({ kind: 'episode', episode });
    } while (result === 'again');
    if (result === 'stopped' || result === undefined) return false;
    scoreboard.add(result);
    onEpisode();
  }
  return true;
}

async function served({ source, rig }: RunPlan, children: Children): Promise<ServedSource> {
  if (source.kind !== 'policy') return source;
  const { folder } = source;
  const { manifest, block } = await children.policy(folder, rig);
  return { kind: 'policy', folder, manifest, block };
}
