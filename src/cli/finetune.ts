/** `alohad finetune`: improves a policy by its own roll-outs. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { EXIT } from '../contract/errors.js';
import { interruptible } from './interrupt.js';
import { integer, number, rigOf, withRig, type RigOptions } from './options.js';
import { Person } from './person.js';
import { Progress } from './progress.js';
import { writeResult } from './resultFile.js';
import { setting } from './settings.js';

interface FinetuneOptions extends RigOptions {
  policy: string;
  demos: string;
  count?: number;
  config?: string;
  algorithm?: string;
  rollouts?: number;
  seed?: number;
  set: Record<string, unknown>;
  out: string;
  resume?: true;
  workers: number;
  threads: number;
  budget?: number;
  target?: number;
  judge: 'simulator' | 'person';
  background?: true;
  json?: string;
}

const SECONDS: Readonly<Record<string, number>> = { h: 3600, min: 60, s: 1 };

/** `8h`, `30min` or `90s` as seconds. */
function timeSpan(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(h|min|s)$/.exec(text);
  if (!match) throw new InvalidArgumentError('expected a time such as 8h, 30min or 90s.');
  return Number(match[1]) * SECONDS[match[2]!]!;
}

export function finetuneCommand(): Command {
  return withRig(new Command('finetune'))
    .description(
      'improve a policy by its own roll-outs: algorithms 1 and 2 of the report, branching self-imitation',
    )
    .requiredOption('--policy <folder>', 'checkpoint or training run to start from, with its weights')
    .requiredOption('--demos <folder>', 'demonstrations to go on cloning from')
    .option('--count <n>', 'use the first so many demonstrations only', integer(1))
    .option('--config <file.yaml>', 'settings; see launch/finetuning/*.yaml')
    .addOption(
      new Option('--algorithm <name>', 'overrides the settings').choices([
        'none',
        'surrogate',
        'chunk-critic',
        'self-imitation',
      ]),
    )
    .option('--rollouts <n>', 'overrides the settings', integer(1))
    .option('--seed <n>', 'overrides the settings', integer(0))
    .option(
      '--set <name=value>',
      'overrides any setting, such as critic.gamma=0.01; may be repeated',
      setting,
      {},
    )
    .option('--out <folder>', 'run folder', 'runs/finetune')
    .option('--resume', 'continue the run in --out exactly where it stopped')
    .option('--workers <n>', 'worlds side by side', integer(1, 64), 2)
    .option('--threads <n>', 'threads of the optimizer', integer(1, 64), 1)
    .option('--budget <time>', 'stop after so long: 8h, 30min', timeSpan)
    .option('--target <rate>', 'stop when an evaluation reaches this share of success', number(0, 1))
    .addOption(
      new Option(
        '--judge <who>',
        'person: puts the scene back between episodes, watches them in real time and judges by a key',
      )
        .choices(['simulator', 'person'])
        .default('simulator'),
    )
    .option('--background', 'give way to everything else: for a learner beside a running control loop')
    .option('--json <file>', 'machine-readable result')
    .addHelpText(
      'after',
      `
Ctrl-C stops after the roll-out in progress, with a checkpoint; --resume goes on as if it had never stopped.

Examples:
  $ alohad finetune --policy runs/start/checkpoints/step_00005000 --demos episodes/insertion --budget 8h --target 0.95
  $ alohad finetune --policy runs/start/checkpoints/step_00005000 --demos episodes/insertion --algorithm surrogate --rollouts 500`,
    )
    .action(async (options: FinetuneOptions) => {
      const { finetune } = await import('../daemon/finetuning.js');
      const progress = new Progress('finetune');
      const { algorithm, rollouts, seed } = options;
      const person = options.judge === 'person' ? new Person(process.stdin, process.stderr) : undefined;
      const report = await interruptible((signal) =>
        finetune(
          {
            rig: rigOf(options),
            policy: options.policy,
            demonstrations: options.demos,
            overrides: {
              ...options.set,
              ...(algorithm !== undefined && { algorithm }),
              ...(rollouts !== undefined && { rollouts }),
              ...(seed !== undefined && { seed }),
            },
            out: options.out,
            workers: options.workers,
            threads: options.threads,
            ...(options.count !== undefined && { count: options.count }),
            ...(options.config !== undefined && { config: options.config }),
            ...(options.resume && { resume: true }),
            ...(options.budget !== undefined && { budgetS: options.budget }),
            ...(options.target !== undefined && { target: options.target }),
            ...(options.background && { background: true }),
            ...(person && { judging: { judge: person, reset: person } }),
          },
          progress,
          signal,
        ),
      );
      const last = report.evaluations.at(-1);
      process.stdout.write(
        `${report.interrupted ? 'stopped' : 'done'} after ${report.rollouts} roll-outs` +
          (last ? `: ${last.successes} of ${last.episodes} SELECT poses` : '') +
          `; deployed policy in ${report.deployed}, report in ${report.page}\n` +
          (report.interrupted ? 'continue with the same command and --resume\n' : ''),
      );
      if (options.json !== undefined) writeResult(options.json, report);
      if (report.interrupted) process.exitCode = EXIT.interrupted;
    });
}
