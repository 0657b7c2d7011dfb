/** What alohad knows of an episode, kept inside files of other formats, so that an import gives it back. */
import { z } from 'zod';
import type { EpisodeData, EpisodeInfo, EpisodeOutcome } from '../contract/episode.js';
import { EpisodeError } from '../contract/errors.js';
import { infoSchema, outcomeSchema } from './facts.js';

/** Order of the colours in arrays that ALOHA code sees: ROS images are passed on as RGB or as BGR, by fork. */
export const CHANNEL_ORDERS = ['rgb', 'bgr'] as const;
export type ChannelOrder = (typeof CHANNEL_ORDERS)[number];

export interface StoredFacts {
  readonly info: EpisodeInfo;
  readonly outcome: EpisodeOutcome;
  /** HDF5 only. */
  readonly channelOrder?: ChannelOrder | undefined;
}

const storedFactsSchema: z.ZodType<StoredFacts> = z.object({
  info: infoSchema,
  outcome: outcomeSchema,
  channelOrder: z.enum(CHANNEL_ORDERS).optional(),
});

export const factsText = ({ info, outcome }: EpisodeData, channelOrder?: ChannelOrder): string =>
  JSON.stringify({ info, outcome, channelOrder });

/** Throws EpisodeError naming `path`. */
export function parseFacts(path: string, text: string): StoredFacts {
  try {
    return storedFactsSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new EpisodeError(`${path}: what alohad stored about the episode is damaged`, { cause: error });
  }
}
