// The distribution's Chromium, which the benches drive.
import { existsSync } from 'node:fs';

/** Its path; undefined where there is none. */
export const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);
