/** Whether what is typed at the terminal comes to this process. */
import { readFileSync } from 'node:fs';

/** Fields behind the name in /proc/PID/stat; source: proc(5). */
const PROCESS_GROUP = 2;
const FOREGROUND_GROUP = 5;
/** There is no terminal to be in the foreground of. */
const NONE = '-1';

/**
 * False when the terminal belongs to another group of processes: in the background, or when the program between the
 * shell and this one (npx, a script) was killed. True where that cannot be known.
 */
export function inForeground(): boolean {
  let stat: string;
  try {
    stat = readFileSync('/proc/self/stat', 'utf8');
  } catch {
    return true;
  }
  // The name is in parentheses and may have any character.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const foreground = fields[FOREGROUND_GROUP];
  return foreground === NONE || foreground === fields[PROCESS_GROUP];
}
