/** What fine-tuning starts from, as small as it can be: three demonstrations and a state-based policy of five steps. */
import { join } from 'node:path';
import { defaultRig } from '#alohad/config/rig.js';
import { recordEpisodes } from '#alohad/daemon/recording.js';
import { EpisodeStore } from '#alohad/episodes/episodeStore.js';
import { imitate } from '#alohad/learning/imitate.js';
import { loadEpisodes } from '#alohad/learning/loadEpisodes.js';
import { parseTrainingConfig } from '#alohad/learning/trainingConfig.js';

/** In `folder`: episodes in `demonstrations`, a training run in `start`; `policy` is its checkpoint. */
export async function writeTinyStart(folder: string): Promise<{ demonstrations: string; policy: string }> {
  const demonstrations = join(folder, 'demonstrations');
  await recordEpisodes(
    {
      rig: defaultRig(),
      policy: 'script',
      episodes: 3,
      seed: 0,
      directory: demonstrations,
      images: 'none',
      keep: 'successes',
      waypointNoise: 0,
      timing: 0,
      shake: 0,
      workers: 1,
      pace: 'fast',
    },
    { onProgress: () => {}, onLine: () => {} },
    new AbortController().signal,
  );
  const { checkpoint } = await imitate({
    config: parseTrainingConfig({
      name: 'tiny',
      task: 'insertion',
      environmentState: true,
      network: {
        dModel: 16,
        heads: 2,
        feedForward: 32,
        encoderLayers: 1,
        cvae: true,
        cvaeLayers: 1,
        latentSize: 4,
        dropout: 0.1,
      },
      batchSize: 4,
      steps: 5,
      validation: { fraction: 0 },
    }),
    episodes: loadEpisodes(EpisodeStore.open(demonstrations), { task: 'insertion' }),
    runFolder: join(folder, 'start'),
    resume: false,
    threads: 1,
    provenance: {},
  });
  return { demonstrations, policy: checkpoint };
}
