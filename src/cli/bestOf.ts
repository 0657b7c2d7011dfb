/** `alohad best-of`: a policy that chooses among offsets of its last chunk by what its critics think of them. */
import { Command } from 'commander';
import { interruptible } from './interrupt.js';
import { integer, rigOf, withRig, type RigOptions } from './options.js';
import { Progress } from './progress.js';
import { writeResult } from './resultFile.js';

interface BestOfOptions extends RigOptions {
  policy: string;
  out: string;
  lastChunk: number;
  rollouts: number;
  branches: number;
  steps: number;
  seed: number;
  workers: number;
  json?: string;
}

export function bestOfCommand(): Command {
  return withRig(new Command('best-of'))
    .description(
      'teach a policy to choose the best of N offsets of its last chunk, by branches in simulation',
    )
    .requiredOption('--policy <folder>', 'checkpoint with its weights')
    .requiredOption('--out <folder>', 'where the choosing policy goes')
    .option('--last-chunk <step>', 'control step that the last chunk starts at', integer(0), 300)
    .option('--rollouts <n>', 'training roll-outs to play', integer(1), 300)
    .option('--branches <n>', 'offsets tried in each', integer(1, 100), 3)
    .option('--steps <n>', 'steps that the critics learn', integer(1), 2000)
    .option('--seed <n>', 'training poses, and what is drawn', integer(0), 800)
    .option('--workers <n>', 'worlds side by side', integer(1, 64), 2)
    .option('--json <file>', 'machine-readable result')
    .addHelpText(
      'after',
      "\nExample:\n  $ alohad best-of --policy runs/start --last-chunk 200 --out policies/choosing\n\nChunks are chosen one by one: play and evaluate the result with '--mode chunk'.",
    )
    .action(async ({ json, ...options }: BestOfOptions) => {
      const { tuneBestOf } = await import('../daemon/bestOfTuning.js');
      const progress = new Progress('best-of');
      const report = await interruptible((signal) =>
        tuneBestOf({ ...options, rig: rigOf(options) }, progress, signal),
      );
      const { rollouts, branches, states, solved, choice, criticLoss } = report;
      process.stdout.write(
        `${solved} of ${states + branches} chunks succeeded (${rollouts} roll-outs and ${branches} branches); ` +
          `critics' loss ${criticLoss.toFixed(3)}\n` +
          `the policy that chooses among ${choice.offsetsM.length} offsets is in ${options.out}; ` +
          `evaluate it with 'alohad eval --policy ${options.out} --mode chunk'\n`,
      );
      if (json !== undefined) writeResult(json, report);
    });
}
