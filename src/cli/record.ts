/** `alohad record`: episodes into a folder of MCAP files. */
import { Command, Option } from 'commander';
import { EXIT } from '../contract/errors.js';
import { interruptible } from './interrupt.js';
import {
  integer,
  number,
  paceOf,
  paceOption,
  rigOf,
  withRig,
  type Pace,
  type RigOptions,
} from './options.js';
import { Progress } from './progress.js';
import { writeResult } from './resultFile.js';

interface RecordOptions extends RigOptions {
  policy: string;
  episodes: number;
  seed: number;
  out: string;
  images: 'jpeg' | 'none';
  keep: 'successes' | 'all';
  waypointNoise: number;
  timing: number;
  shake: number;
  workers: number;
  pace?: Pace;
  json?: string;
}

export function recordCommand(): Command {
  const command = new Command('record').description('record episodes (demonstrations) as MCAP files');
  return withRig(command)
    .option('--policy <name|folder|script>', 'who acts', 'script')
    .option('--episodes <n>', 'how many to keep', integer(1), 50)
    .option('--seed <n>', 'seed of the first start pose (demonstrations use 0 to 9999)', integer(0), 0)
    .option('--out <folder>', 'episode folder', 'episodes')
    .addOption(
      new Option(
        '--images <what>',
        'jpeg: all cameras at 640x480; none: physics states, images are drawn again on demand',
      )
        .choices(['jpeg', 'none'])
        .default('jpeg'),
    )
    .addOption(
      new Option('--keep <which>', 'which episodes are kept')
        .choices(['successes', 'all'])
        .default('successes'),
    )
    .option('--waypoint-noise <m>', 'script: uniform noise on waypoints [m]', number(0, 0.02), 0)
    .option('--timing <fraction>', 'script: uniform jitter of segment durations', number(0, 0.5), 0)
    .option('--shake <rad>', 'simulation: shake open hands, recording the clean commands', number(0, 0.1), 0)
    .option('--workers <n>', 'worlds in parallel (with --pace fast)', integer(1, 64), 1)
    .addOption(paceOption())
    .option('--json <file>', 'machine-readable result')
    .addHelpText(
      'after',
      `
Examples:
  $ alohad record --backend sim --policy script --episodes 50
  $ alohad record --episodes 500 --images none --workers 2 --out episodes/insertion --shake 0.02`,
    )
    .action(async (options: RecordOptions) => {
      const { recordEpisodes } = await import('../daemon/recording.js');
      const progress = new Progress('record');
      const rig = rigOf(options);
      const report = await interruptible((signal) =>
        recordEpisodes(
          { ...options, rig, pace: paceOf(options, rig), directory: options.out },
          progress,
          signal,
        ),
      );
      process.stdout.write(
        `${report.kept} of ${report.attempted} episodes kept in ${report.directory}` +
          ` (${report.successes} successes)${report.interrupted ? ', interrupted' : ''}\n`,
      );
      if (options.json !== undefined) writeResult(options.json, report);
      if (report.interrupted) process.exitCode = EXIT.interrupted;
    });
}
