/** `alohad residual`: corrects a policy's last chunk by the constant offset that it lacks. */
import { Command } from 'commander';
import { interruptible } from './interrupt.js';
import { integer, rigOf, withRig, type RigOptions } from './options.js';
import { Progress } from './progress.js';
import { writeResult } from './resultFile.js';

interface ResidualOptions extends RigOptions {
  policy: string;
  out: string;
  lastChunk: number;
  seed: number;
  workers: number;
  json?: string;
}

export function residualCommand(): Command {
  return withRig(new Command('residual'))
    .description('find the constant offset that a policy lacks in its last chunk, by branches in simulation')
    .requiredOption('--policy <folder>', 'checkpoint with its weights')
    .requiredOption('--out <folder>', 'where the corrected policy goes')
    .option('--last-chunk <step>', 'control step that the last chunk starts at', integer(0), 300)
    .option('--seed <n>', 'training poses to search on', integer(0), 600)
    .option('--workers <n>', 'worlds side by side', integer(1, 64), 2)
    .option('--json <file>', 'machine-readable result')
    .addHelpText(
      'after',
      '\nExample:\n  $ alohad residual --policy runs/start --last-chunk 200 --out policies/corrected',
    )
    .action(async ({ policy, out, lastChunk, seed, workers, json, ...rig }: ResidualOptions) => {
      const { tuneResidual } = await import('../daemon/residualTuning.js');
      const progress = new Progress('residual');
      const report = await interruptible((signal) =>
        tuneResidual({ rig: rigOf(rig), policy, out, lastChunk, seed, workers }, progress, signal),
      );
      const { residual, solved, unshifted, states, rollouts, branches } = report;
      const cost = `${rollouts} roll-outs and ${branches} branches`;
      process.stdout.write(
        residual
          ? `offset of the ${residual.arm} gripper ${residual.offsetM.map((m) => (1000 * m).toFixed(0)).join(', ')} mm ` +
              `from step ${residual.fromStep}: solves ${solved} of ${states} states, ${unshifted} without it (${cost})\n` +
              `the corrected policy is in ${out}; evaluate it with 'alohad eval --policy ${out} --mode chunk'\n`
          : `no offset solves more than the ${unshifted} of ${states} states that the policy solves as it is (${cost}); nothing was written\n`,
      );
      if (json !== undefined) writeResult(json, report);
    });
}
