/** `alohad calibrate`: measures one physical arm, with a person who moves it. */
import { dirname, join } from 'node:path';
import { Command, Option } from 'commander';
import { loadRig } from '../config/rig.js';
import { HandsAndKeys } from './handsAndKeys.js';
import { interruptible } from './interrupt.js';
import { writeResult } from './resultFile.js';

interface CalibrateOptions {
  arm: string;
  rig: string;
  backend?: 'real' | 'emulated';
  out?: string;
  restart?: boolean;
  json?: string;
}

export function calibrateCommand(): Command {
  return new Command('calibrate')
    .description('measure one arm by hand: directions, ranges, homing offsets, gripper; torque stays off')
    .requiredOption(
      '--arm <name>',
      'bus of the rig: follower_left, follower_right, leader_left, leader_right',
    )
    .requiredOption('--rig <file>', 'rig file with buses')
    .addOption(
      new Option('--backend <name>', 'emulated: starts an emulator where none runs').choices([
        'real',
        'emulated',
      ]),
    )
    .option('--out <file>', 'the calibration; what the rig names, or ARM.calibration.yaml beside the rig')
    .option('--restart', 'begin anew, though an earlier run finished some steps')
    .option('--json <file>', 'machine-readable result')
    .addHelpText(
      'after',
      '\nCtrl-C keeps the steps that are done; the same command goes on. The calibration before is kept under its date.' +
        '\n\nExample:\n  $ alohad calibrate --arm follower_left --rig launch/rigs/aloha.yaml',
    )
    .action(async (options: CalibrateOptions) => {
      const { calibrate } = await import('../daemon/calibrating.js');
      const loaded = loadRig(options.rig);
      const rig = { ...loaded, backend: options.backend ?? loaded.backend };
      const named = rig.buses[options.arm]?.calibration;
      const path = options.out ?? named ?? join(dirname(options.rig), `${options.arm}.calibration.yaml`);
      const person = new HandsAndKeys(process.stdin, process.stdout);
      try {
        const report = await interruptible((signal) =>
          calibrate({ rig, arm: options.arm, path, restart: options.restart === true }, person, signal),
        );
        person.tell(
          `written: ${report.path}${report.previous === undefined ? '' : `; before: ${report.previous}`}`,
        );
        if (named === undefined)
          person.tell(`name it in the rig: ${options.arm}: { ..., calibration: ${path} }`);
        if (options.json !== undefined) writeResult(options.json, report);
      } finally {
        person.leave();
      }
    });
}
