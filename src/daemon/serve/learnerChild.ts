/**
 * The learner: `alohad finetune --background` as a process of its own, with the lowest priority. It stops, with a
 * checkpoint, when asked to, and when this process is gone, which it learns by the channel between them.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Rig } from '../../config/rig.js';
import type { ModeRequest } from '../../contract/api.js';
import { EXIT } from '../../contract/errors.js';
import type { RunningChild } from './supervised.js';

export type LearningRequest = Extract<ModeRequest, { mode: 'finetune' }>;

/** Last words that are kept. */
const LAST_WORDS = 2000;

/** The arguments of the verb: the rig's world, simulated, as the arms are the daemon's. A run that was begun before is resumed, also after a crash. */
function learnerArguments(request: LearningRequest, { task, simulation: { scene } }: Rig): string[] {
  const { policy, demonstrations, out, config, rollouts, workers } = request;
  return [
    'finetune',
    '--background',
    '--task',
    task,
    ...(scene === undefined ? [] : ['--scene', scene]),
    '--policy',
    policy,
    '--demos',
    demonstrations,
    '--out',
    out,
    '--workers',
    String(workers),
    ...(config === undefined ? [] : ['--config', config]),
    ...(rollouts === undefined ? [] : ['--rollouts', String(rollouts)]),
    ...(existsSync(join(out, 'config.json')) ? ['--resume'] : []),
  ];
}

/**
 * @param onLine told what it prints
 * @param onRefused told when it says that it cannot do what was asked: starting it again would be of no use
 */
export function startLearner(
  request: LearningRequest,
  rig: Rig,
  onLine: (line: string) => void,
  onRefused: (reason: string) => void,
): RunningChild {
  // The same program that runs this daemon.
  const child = spawn(process.execPath, [process.argv[1]!, ...learnerArguments(request, rig)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let lastWords = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-LAST_WORDS);
      for (const line of text.split('\n')) if (line.trim() !== '') onLine(line);
    });
  }
  let closing = false;
  return {
    ...(child.pid !== undefined && { pid: child.pid }),
    ended: new Promise((resolve) => {
      child.on('error', (error) => {
        resolve(error.message);
      });
      child.on('close', (code, signal) => {
        const reason = lastWords.trim().split('\n').at(-1) || `exit code ${code ?? signal}`;
        if (code === EXIT.usage) onRefused(reason);
        resolve(closing || code === EXIT.done || code === EXIT.usage ? undefined : reason);
      });
    }),
    end: () => {
      closing = true;
      child.kill('SIGINT');
    },
    kill: () => {
      child.kill('SIGKILL');
    },
  };
}
