import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

/** Nice values of all threads of a process that stepped back and then started a worker thread. */
const SCRIPT = `
  import { readdirSync, readFileSync } from 'node:fs';
  import { Worker } from 'node:worker_threads';
  import { stepBack } from '#alohad/realtime/background.js';
  stepBack();
  const worker = new Worker('setTimeout(() => {}, 60000)', { eval: true });
  worker.once('online', () => {
    const nice = (tid) => Number(readFileSync('/proc/self/task/' + tid + '/stat', 'utf8').split(') ')[1].split(' ')[16]);
    console.log(JSON.stringify(readdirSync('/proc/self/task').map(nice)));
    process.exit();
  }, 120_000);
`;

describe.skipIf(process.platform !== 'linux')('stepping back', () => {
  it('gives way with every thread, those that begin later included', () => {
    // A session of its own, so that the tests' own priority stays.
    const said = execFileSync('setsid', [process.execPath, '--input-type=module', '-e', SCRIPT], {
      encoding: 'utf8',
    });
    const nice: unknown = JSON.parse(said);
    expect(nice).toBeInstanceOf(Array);
    expect(new Set(Array.isArray(nice) ? nice : [])).toEqual(new Set([19]));
  }, 120_000);
});
