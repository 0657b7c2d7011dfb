// From `npx alohad trial` to the first simulated tick: what a user waits for before anything moves.
//
//   node test/bench/startup.js [--runs 5] [--json FILE]
//
// The first progress line is printed when the first tick of the first episode is done; the run is then stopped as
// Ctrl-C stops it.
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '5' }, json: { type: 'string' } },
});
const root = fileURLToPath(new URL('../..', import.meta.url));

async function firstTickSeconds() {
  const startedMs = performance.now();
  const child = spawn('npx', ['alohad', 'trial'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own, as a terminal gives it, so that Ctrl-C reaches npx and alohad alike.
    detached: true,
  });
  let seconds = NaN;
  child.stderr.setEncoding('utf8').on('data', (text) => {
    if (!Number.isNaN(seconds) || !text.includes('trial 0 %')) return;
    seconds = (performance.now() - startedMs) / 1000;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
  });
  await new Promise((resolve) => child.on('close', resolve));
  return seconds;
}

const seconds = [];
for (let run = 0; run < Number(values.runs); run++) seconds.push(await firstTickSeconds());
const sorted = seconds.toSorted((a, b) => a - b);
const result = {
  command: 'node test/bench/startup.js',
  runs: seconds.length,
  medianSeconds: sorted[Math.floor(sorted.length / 2)],
  worstSeconds: sorted.at(-1),
};
console.log(JSON.stringify(result));
if (values.json) {
  mkdirSync(dirname(values.json), { recursive: true });
  writeFileSync(values.json, JSON.stringify(result, null, 2) + '\n');
}
