/** `alohad replay`: plays a recorded episode on the robot; in simulation the rewards must come out the same. */
import { Command } from 'commander';
import { EXIT } from '../contract/errors.js';
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
      process.stdout.write(
        report.interrupted
          ? 'interrupted: the arms were held\n'
          : `${report.sameRewards ? 'same rewards' : `rewards differ at ${report.differingSteps} of ${report.steps} steps`}: ` +
              `recorded ${report.recordedMaxReward}, replayed ${report.replayedMaxReward}; ` +
              `largest qpos difference ${report.largestQposDifference.toExponential(1)} rad\n`,
      );
      if (options.json !== undefined) writeResult(options.json, report);
      process.exitCode = report.interrupted ? EXIT.interrupted : report.sameRewards ? EXIT.done : EXIT.failed;
    });
}
