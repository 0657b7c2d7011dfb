/** Reads YAML files that users write. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { UsageError } from '../contract/errors.js';
import { meaningOf } from '../contract/systemError.js';

/** The content of the file at `path`; an empty file is an empty object. Throws UsageError that names the file. */
export function readYaml(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new UsageError(`${path} cannot be read: ${meaningOf(cause)}`, { cause });
  }
  try {
    return parse(text) ?? {};
  } catch (cause) {
    throw new UsageError(`${path} is not YAML: ${meaningOf(cause)}`, { cause });
  }
}
