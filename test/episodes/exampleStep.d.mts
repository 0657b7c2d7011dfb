import type { EpisodeInfo } from '#alohad/contract/episode.js';
import type { EpisodeStep } from '#alohad/episodes/episodeWriter.js';

export const INFO: EpisodeInfo;
export function exampleStep(number: number, physicsSize?: number, environmentSize?: number): EpisodeStep;
