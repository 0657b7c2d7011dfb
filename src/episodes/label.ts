/**
 * A person's verdict on an episode, kept beside it as `NAME.label.json`: the recording itself is never rewritten.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { isJudged, type EpisodeInfo, type EpisodeOutcome } from '../contract/episode.js';
import { EpisodeError } from '../contract/errors.js';
import { meaningOf, storing, systemCode } from '../contract/systemError.js';

const labelSchema = z.strictObject({ success: z.boolean(), note: z.string(), labelledAt: z.string() });

export type EpisodeLabel = z.infer<typeof labelSchema>;

export const labelPath = (episodePath: string): string => episodePath.replace(/\.mcap$/, '.label.json');

/** The label of an episode, if it has one. Throws EpisodeError on a label that cannot be read. */
export function readLabel(episodePath: string): EpisodeLabel | undefined {
  const path = labelPath(episodePath);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw new EpisodeError(`cannot read ${path}: ${meaningOf(error)}`, { cause: error });
  }
  const label = labelSchema.safeParse(parseJson(text));
  if (!label.success)
    throw new EpisodeError(`${path} is not a label; correct or delete it\n${z.prettifyError(label.error)}`);
  return label.data;
}

/** What is known of an episode's success: a person's verdict, else the task's; null where neither said anything. */
export function verdictOn(
  episodePath: string,
  info: EpisodeInfo,
  { success }: EpisodeOutcome,
): { readonly success: boolean | null; readonly label?: EpisodeLabel } {
  const label = readLabel(episodePath);
  if (label) return { success: label.success, label };
  return { success: isJudged(info) ? success : null };
}

/** Sets the label of an episode. Throws StorageError. */
export function writeLabel(episodePath: string, success: boolean, note: string): void {
  const path = labelPath(episodePath);
  const label: EpisodeLabel = { success, note, labelledAt: new Date().toISOString() };
  storing(path, () => {
    writeFileSync(`${path}.tmp`, JSON.stringify(label, null, 2) + '\n', { flush: true });
    renameSync(`${path}.tmp`, path);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
