/** `alohad report`: writes the report of a fine-tuning run, finished or not. */
import { Command } from 'commander';
import { interruptible } from './interrupt.js';
import { rigOf, withRig, type RigOptions } from './options.js';
import { Progress } from './progress.js';

interface ReportOptions extends RigOptions {
  out?: string;
}

export function reportCommand(): Command {
  return withRig(new Command('report'))
    .description(
      'write the report of a fine-tuning run as one HTML page; a run that is going on is not disturbed',
    )
    .argument('<run>', 'run folder of `alohad finetune`')
    .option('--out <file.html>', 'report.html in the run folder when absent')
    .addHelpText('after', '\nExample:\n  $ alohad report runs/finetuned')
    .action(async (run: string, { out, ...options }: ReportOptions) => {
      const { reportRun } = await import('../daemon/runFailures.js');
      const progress = new Progress('report');
      const path = await interruptible((signal) => reportRun(run, rigOf(options), progress, signal, out));
      process.stdout.write(`${path}\n`);
    });
}
