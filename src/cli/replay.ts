/** `alohad replay`: plays a recorded episode on the robot; in simulation the rewards must come out the same. */
import { Command } from 'commander';
import { EXIT } from '../contract/errors.js';
import type { ReplayReport } from '../daemon/replaying.js';
import { interruptible } from './interrupt.js';
import { integer, paceOf, paceOption, rigOf, withRig, type Pace, type RigOptions } from './options.js';
import { Progress } from './progress.js';
import { writeResult } from './resultFile.js';

interface ReplayOptions extends RigOptions {
  pace?: Pace;
  watch?: number | true;
  json?: string;
}

export function replayCommand(): Command {
  const command = new Command('replay').description('play a recorded episode again and compare the rewards');
  return withRig(command)
    .argument('<episode.mcap>', 'a recorded episode')
    .addOption(paceOption())
    .option('--watch [port]', 'serve a live window on this port (default 8500)', integer(0, 65535))
    .option('--json <file>', 'machine-readable result')
    .addHelpText(
      'after',
      '\nExample:\n  $ alohad replay episodes/episode_000000.mcap --pace realtime --watch',
    )
    .action(async (episode: string, options: ReplayOptions) => {
      const { replayEpisode } = await import('../daemon/replaying.js');
      const progress = new Progress('replay');
      const rig = rigOf(options);
      const report = await interruptible((signal) =>
        replayEpisode(
          {
            rig,
            taskGiven: options.task !== undefined || options.rig !== undefined,
            episode,
            pace: paceOf(options, rig),
            ...(options.watch !== undefined && { watchPort: options.watch === true ? 8500 : options.watch }),
          },
          progress,
          signal,
        ),
      );
      process.stdout.write(`${describe(report)}\n`);
      if (options.json !== undefined) writeResult(options.json, report);
      const failed = report.rewards !== null && !report.rewards.same;
      process.exitCode = report.interrupted ? EXIT.interrupted : failed ? EXIT.failed : EXIT.done;
    });
}

function describe({ interrupted, rewards, steps, largestDifference }: ReplayReport): string {
  if (interrupted) return 'interrupted: the arms were held';
  const { joints, grippers } = largestDifference;
  const moved = `farthest from the recording: joints ${joints.toExponential(1)} rad, grippers ${grippers.toExponential(1)}`;
  if (!rewards) return `${steps} steps replayed; nothing here gives rewards; ${moved}`;
  const { same, differingSteps, recordedMax, replayedMax } = rewards;
  const compared = same ? 'same rewards' : `rewards differ at ${differingSteps} of ${steps} steps`;
  return `${compared}: recorded ${recordedMax}, replayed ${replayedMax}; ${moved}`;
}
