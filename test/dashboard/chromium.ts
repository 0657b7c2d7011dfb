/** The distribution's Chromium, for tests that need a browser: they are skipped, and say so, where there is none. */
import { existsSync } from 'node:fs';

export const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => existsSync(path),
);
if (CHROMIUM === undefined)
  process.stderr.write('SKIPPED: no Chromium; apt-get install chromium runs the dashboard test\n');
