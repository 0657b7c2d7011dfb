/** `alohad teleop`: followers follow the leaders, and nothing is recorded. */
import { Command } from 'commander';
import { EXIT } from '../contract/errors.js';
import { interruptible } from './interrupt.js';
import { KeyboardOperator } from './operator.js';
import { rigOf, withRig, type RigOptions } from './options.js';
import { Progress } from './progress.js';
import { writeResult } from './resultFile.js';

interface TeleopOptions extends RigOptions {
  json?: string;
}

export function teleopCommand(): Command {
  const command = new Command('teleop').description(
    "followers follow the rig's leader arms; nothing is recorded (see record --policy teleop)",
  );
  return withRig(command)
    .option('--json <file>', 'machine-readable result')
    .addHelpText(
      'after',
      `
The arms go slowly to the start pose; closing both leader grippers (or Enter) begins.
Right or left arrow: back to the start pose. Esc: end. Ctrl-C: hold, park, end.
Space: EMERGENCY STOP, the arms hold and stay stiff.

Example:
  $ alohad teleop --rig launch/rigs/aloha.yaml --backend real`,
    )
    .action(async (options: TeleopOptions) => {
      const { runTakes } = await import('../daemon/teleop/takes.js');
      const operator = new KeyboardOperator(process.stdin, process.stderr, { note: '', label: 'failure' });
      const report = await interruptible((signal) =>
        runTakes({ rig: rigOf(options), seed: 0 }, operator, new Progress('teleop'), signal),
      );
      if (options.json !== undefined) writeResult(options.json, report);
      if (report.interrupted || report.halted) process.exitCode = EXIT.interrupted;
    });
}
