/** Events of an episode: interventions, labels, faults, and the end. */
import { EpisodeError } from '../contract/errors.js';
import { STRING } from './rosMessages.js';
import { EVENT_TOPIC } from './topics.js';
import { walkMcap } from './walkMcap.js';

export interface EpisodeEvent {
  readonly name: string;
  /** Control step at which it came. */
  readonly step: number;
}

/** All events in the order of the file. Throws EpisodeError. */
export function readEvents(path: string): EpisodeEvent[] {
  const events: EpisodeEvent[] = [];
  const channels = new Set<number>();
  walkMcap(path, {
    channel: ({ id, topic }) => {
      if (topic === EVENT_TOPIC) channels.add(id);
    },
    message: ({ channelId, sequence, data }) => {
      if (channels.has(channelId))
        events.push({ name: nameOf(path, STRING.decode(data).data), step: sequence });
    },
  });
  return events;
}

function nameOf(path: string, text: string): string {
  try {
    const fields: { event?: unknown } = JSON.parse(text);
    return String(fields.event);
  } catch (error) {
    throw new EpisodeError(`${path}: an event that is not JSON: ${text}`, { cause: error });
  }
}
