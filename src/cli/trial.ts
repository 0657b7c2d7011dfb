/** `alohad trial`: autonomous trials, judged by the task's rewards. The main job. */
import { Command, Option } from 'commander';
import { EXIT } from '../contract/errors.js';
import type { TrialReport } from '../daemon/trials.js';
import { interruptible } from './interrupt.js';
import { integer, number, rigOf, withRig, type RigOptions } from './options.js';
import { Progress } from './progress.js';
import { writeResult } from './resultFile.js';

interface TrialOptions extends RigOptions {
  policy: string;
  episodes?: number;
  seed?: number;
  poses: 'random' | 'select' | 'valid';
  pace: 'realtime' | 'fast';
  workers: number;
  mode?: 'ensemble' | 'chunk' | 'blend';
  decay?: number;
  every?: number;
  threads?: number;
  sheet?: string;
  video?: string;
  watch?: number | true;
  json?: string;
}

export function trialCommand(): Command {
  const command = new Command('trial').description('run autonomous trials and count successes');
  return withRig(command)
    .option(
      '--policy <name|folder|script>',
      'a shipped policy, a checkpoint folder, or the scripted expert',
      'shipped',
    )
    .option('--episodes <n>', 'how many (default 10, or the whole pool)', integer(1))
    .option('--seed <n>', 'seed of the first start pose; each episode takes the next', integer(0))
    .addOption(
      new Option('--poses <pool>', 'start poses: drawn from --seed, or a committed pool')
        .choices(['random', 'select', 'valid'])
        .default('random'),
    )
    .addOption(
      new Option(
        '--pace <pace>',
        'realtime: 50 Hz by the clock; fast: as fast as possible, every query waited for',
      )
        .choices(['realtime', 'fast'])
        .default('realtime'),
    )
    .option('--workers <n>', 'worlds in parallel (with --pace fast)', integer(1, 64), 1)
    .addOption(
      new Option('--mode <mode>', 'how chunks become actions').choices(['ensemble', 'chunk', 'blend']),
    )
    .option('--decay <m>', 'temporal ensemble: w_i = exp(-m i), oldest first', number(-1, 1))
    .option('--every <n>', 'query the policy every n ticks (ensemble, blend)', integer(1, 100))
    .option('--threads <n>', 'threads of the inference session', integer(1, 64))
    .option('--sheet <file.png>', 'where the contact sheet goes (default: out/trial-<time>.png)')
    .option('--video <file.mp4>', 'film all cameras (ffmpeg; an animated PNG without it)')
    .option('--watch [port]', 'serve a live window on this port (default 8500)', integer(0, 65535))
    .option('--json <file>', 'machine-readable result')
    .addHelpText(
      'after',
      `
Examples:
  $ alohad trial                                      ten insertions with the shipped policy
  $ alohad trial --policy script --episodes 20        the scripted expert
  $ alohad trial --poses valid --pace fast --workers 2 --json valid.json`,
    )
    .action(async (options: TrialOptions) => {
      const { runTrials } = await import('../daemon/trials.js');
      const progress = new Progress('trial');
      const report = await interruptible((signal) =>
        runTrials(
          {
            ...options,
            rig: rigOf(options),
            sheet:
              options.sheet ?? `out/trial-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.png`,
            ...(options.watch !== undefined && { watchPort: options.watch === true ? 8500 : options.watch }),
          },
          progress,
          signal,
        ),
      );
      print(report);
      if (options.json !== undefined) writeResult(options.json, report);
      if (report.interrupted) process.exitCode = EXIT.interrupted;
    });
}

function print(report: TrialReport): void {
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
  const [low, high] = report.wilson95;
  const played = `${report.task} with ${report.policy} on ${report.backend}: `;
  const lines = [
    report.judged
      ? `${played}${report.successes} of ${report.episodes} succeeded, ` +
        `${percent(report.rate)} (95 % Wilson interval ${percent(low)} to ${percent(high)})`
      : `${played}${report.episodes} played; nothing gives rewards there, so count successes yourself, ` +
        'or record them with `alohad record` and label them with y or n',
  ];
  if (report.latencyMs) {
    lines.push(
      `inference latency p50 ${report.latencyMs.p50.toFixed(1)} ms, p99 ${report.latencyMs.p99.toFixed(1)} ms`,
    );
  }
  if (report.tick) {
    const { lateP50Ms, lateP99Ms, missed } = report.tick;
    lines.push(`ticks late p50 ${lateP50Ms.toFixed(2)} ms, p99 ${lateP99Ms.toFixed(2)} ms, ${missed} missed`);
  }
  if (report.interrupted) lines.push('interrupted: only finished episodes are counted');
  if (report.sheet) lines.push(`contact sheet: ${report.sheet}`);
  if (report.video) lines.push(`video: ${report.video}`);
  process.stdout.write(`${lines.join('\n')}\n`);
}
