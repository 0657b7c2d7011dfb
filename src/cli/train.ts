/** `alohad train`: behaviour cloning of ACT from recorded episodes. */
import { Command, Option } from 'commander';
import { EXIT } from '../contract/errors.js';
import { interruptible } from './interrupt.js';
import { integer } from './options.js';
import { Progress } from './progress.js';
import { writeResult } from './resultFile.js';

interface TrainOptions {
  episodes: string;
  config: string;
  out: string;
  resume?: true;
  count?: number;
  steps?: number;
  seed?: number;
  threads: number;
  provider: 'cpu' | 'cuda' | 'webgpu';
  json?: string;
}

export function trainCommand(): Command {
  return new Command('train')
    .description('train an ACT policy from recorded episodes (behaviour cloning)')
    .requiredOption('--episodes <folder>', 'recorded episodes')
    .requiredOption('--config <file.yaml>', 'training configuration; see launch/training/*.yaml')
    .option('--out <folder>', 'run folder: checkpoints, metrics, curves', 'runs/train')
    .option('--resume', 'continue the run in --out exactly where it stopped')
    .option('--count <n>', 'learn from the first so many episodes only', integer(1))
    .option('--steps <n>', 'overrides the configuration', integer(1))
    .option('--seed <n>', 'overrides the configuration', integer(0))
    .option('--threads <n>', 'threads of the training session', integer(1, 64), 2)
    .addOption(
      new Option('--provider <name>', 'execution provider of onnxruntime')
        .choices(['cpu', 'cuda', 'webgpu'])
        .default('cpu'),
    )
    .option('--json <file>', 'machine-readable result')
    .addHelpText(
      'after',
      '\nExample:\n  $ alohad train --episodes episodes/insertion --config launch/training/insertion.yaml --out runs/insertion',
    )
    .action(async (options: TrainOptions) => {
      const { trainPolicy } = await import('../daemon/training.js');
      const progress = new Progress('train');
      const report = await interruptible((signal) => trainPolicy(options, progress, signal));
      process.stdout.write(
        `${report.interrupted ? 'stopped' : 'done'} at step ${report.step}: ` +
          `validation L1 ${report.validationL1.toFixed(4)}; checkpoint ${report.checkpoint}; curves ${report.curves}\n` +
          (report.interrupted ? 'continue with the same command and --resume\n' : ''),
      );
      if (options.json !== undefined) writeResult(options.json, report);
      if (report.interrupted) process.exitCode = EXIT.interrupted;
    });
}
