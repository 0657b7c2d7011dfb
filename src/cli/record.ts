/** `alohad record`: episodes into a folder of MCAP files. */
import { Command, Option } from 'commander';
import { EXIT, UsageError } from '../contract/errors.js';
import { interruptible } from './interrupt.js';
import { KeyboardOperator } from './operator.js';
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
  seconds: number;
  label: 'ask' | 'success' | 'failure';
  note: string;
  json?: string;
}

export function recordCommand(): Command {
  const command = new Command('record').description('record episodes (demonstrations) as MCAP files');
  return withRig(command)
    .option('--policy <name|folder|script|teleop>', 'who acts', 'script')
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
    .option('--seconds <s>', 'teleop: longest take', number(0.1, 3600), 20)
    .addOption(
      new Option('--label <what>', 'teleop: what a take is; ask: y or n after each')
        .choices(['ask', 'success', 'failure'])
        .default('ask'),
    )
    .option('--note <text>', 'teleop: stored with every take', '')
    .addOption(paceOption())
    .option('--json <file>', 'machine-readable result')
    .addHelpText(
      'after',
      `
Examples:
  $ alohad record --backend sim --policy script --episodes 50
  $ alohad record --episodes 500 --images none --workers 2 --out episodes/insertion --shake 0.02
  $ alohad record --policy teleop --rig launch/rigs/aloha.yaml --backend real --seconds 15

With --policy teleop a person leads: closing both leader grippers (or Enter) begins a take. Right arrow: end and keep.
Left arrow: throw it away and do it again. Esc: end, and no more. Then: y or n, did it succeed (t: type a note first).
Space: EMERGENCY STOP, the arms hold and stay stiff.`,
    )
    .action(async (options: RecordOptions) => {
      if (options.policy === 'teleop') {
        await recordTakes(options);
        return;
      }
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
          ` (${report.successes} successes, ${report.rejected} rejected)${report.interrupted ? ', interrupted' : ''}\n`,
      );
      if (options.json !== undefined) writeResult(options.json, report);
      if (report.interrupted) process.exitCode = EXIT.interrupted;
    });
}

/** A person leads. */
async function recordTakes(options: RecordOptions): Promise<void> {
  const { episodes, seed, seconds, out, images } = options;
  if (options.pace === 'fast') throw new UsageError('people lead by the clock: use --pace realtime');
  const { runTakes } = await import('../daemon/teleop/takes.js');
  const operator = new KeyboardOperator(process.stdin, process.stderr, options);
  const record = { directory: out, images };
  const report = await interruptible((signal) =>
    runTakes(
      { rig: rigOf(options), seed, episodes, seconds, record },
      operator,
      new Progress('record'),
      signal,
    ),
  );
  process.stdout.write(
    `${report.kept} of ${report.takes.length} takes kept in ${out} (${report.successes} successes, ` +
      `${report.rejected} rejected)${report.interrupted ? ', interrupted' : ''}\n`,
  );
  if (options.json !== undefined) writeResult(options.json, report);
  if (report.interrupted || report.halted) process.exitCode = EXIT.interrupted;
}
