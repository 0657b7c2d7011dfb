/** `alohad policy inspect|export|import`: checkpoint folders, ours and other people's. */
import { Command, Option } from 'commander';
import { FULL_FRAME } from '../contract/camera.js';
import { TASKS, type TaskName } from '../contract/task.js';
import { imageSize } from './options.js';
import { formatTable } from './table.js';
import { writeResult } from './resultFile.js';

interface ImportOptions {
  format?: 'act' | 'lerobot';
  stats?: string;
  out: string;
  task: TaskName;
  cameras?: string;
  size: { width: number; height: number };
}

export function policyCommand(): Command {
  const command = new Command('policy').description(
    'inspect, export and import policies (checkpoint folders)',
  );

  command
    .command('inspect')
    .description('what a checkpoint is: cameras, network, provenance; verified against its files')
    .argument('[name|folder]', 'a checkpoint folder or a shipped policy', 'shipped')
    .option('--task <name>', 'task of the shipped policy', 'insertion')
    .option('--json <file>', 'machine-readable result')
    .action(async (name: string, { task, json }: { task: TaskName; json?: string }) => {
      const { inspectPolicy } = await import('../daemon/policies.js');
      const { summary, manifest } = await inspectPolicy(name, task);
      process.stdout.write(formatTable(['', ''], summary));
      if (json !== undefined) writeResult(json, manifest);
    });

  command
    .command('export')
    .description('copy what serving needs (policy.onnx, policy.json) out of a checkpoint or run folder')
    .argument('<folder>')
    .requiredOption('--out <folder>', 'where to')
    .addOption(
      new Option(
        '--format <name>',
        'alohad: our checkpoint; lerobot: model.safetensors, config.json and processors',
      )
        .choices(['alohad', 'lerobot'])
        .default('alohad'),
    )
    .action(async (folder: string, { out, format }: { out: string; format: 'alohad' | 'lerobot' }) => {
      const { exportPolicy } = await import('../daemon/policies.js');
      process.stdout.write(`${await exportPolicy(folder, out, format)}\n`);
    });

  command
    .command('import')
    .description('make a checkpoint of an act / act-plus-plus policy_best.ckpt, or of a LeRobot ACT folder')
    .argument('<path>', 'policy_best.ckpt or the LeRobot folder')
    .requiredOption('--out <folder>', 'where the checkpoint goes')
    .addOption(new Option('--format <name>', 'guessed from the path when absent').choices(['act', 'lerobot']))
    .option('--stats <file.pkl>', 'act: dataset_stats.pkl (default: beside the checkpoint)')
    .addOption(new Option('--task <name>', 'what it was trained for').choices(TASKS).default('insertion'))
    .option('--cameras <names>', 'comma-separated, in the order of training')
    .option('--size <WxH>', 'image size that it was trained on', imageSize, FULL_FRAME)
    .action(async (path: string, options: ImportOptions) => {
      const { importPolicy } = await import('../daemon/policies.js');
      process.stdout.write(`${await importPolicy(path, options)}\n`);
    });

  return command.addHelpText(
    'after',
    `
Examples:
  $ alohad policy inspect shipped
  $ alohad policy import ckpt/policy_best.ckpt --cameras top --out policies/act-top`,
  );
}
