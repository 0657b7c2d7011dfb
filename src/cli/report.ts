/** `alohad report`: writes the report of a fine-tuning run, finished or not. */
import { Command } from 'commander';

interface ReportOptions {
  out?: string;
}

export function reportCommand(): Command {
  return new Command('report')
    .description(
      'write the report of a fine-tuning run as one HTML page; a run that is going on is not disturbed',
    )
    .argument('<run>', 'run folder of `alohad finetune`')
    .option('--out <file.html>', 'report.html in the run folder when absent')
    .addHelpText('after', '\nExample:\n  $ alohad report runs/finetuned')
    .action(async (run: string, { out }: ReportOptions) => {
      const { writeReport } = await import('../daemon/finetuneReport.js');
      process.stdout.write(`${writeReport(run, [], out)}\n`);
    });
}
