/** The command line: one file per verb. */
import { Command } from 'commander';
import { packageVersion } from '../config/packageVersion.js';
import { calibrateCommand } from './calibrate.js';
import { checkCommand } from './check.js';
import { emulateCommand } from './emulate.js';
import { episodesCommand } from './episodes.js';
import { evalCommand } from './eval.js';
import { finetuneCommand } from './finetune.js';
import { daemonCommands } from './daemonCommands.js';
import { parkCommand } from './park.js';
import { policyCommand } from './policy.js';
import { rebootCommand } from './reboot.js';
import { recordCommand } from './record.js';
import { replayCommand } from './replay.js';
import { reportCommand } from './report.js';
import { residualCommand } from './residual.js';
import { bestOfCommand } from './bestOf.js';
import { rosCommand } from './ros.js';
import { rosInstallCommand } from './rosInstall.js';
import { serveCommand } from './serve.js';
import { teleopCommand } from './teleop.js';
import { trainCommand } from './train.js';
import { trialCommand } from './trial.js';

export function program(): Command {
  const root = new Command('alohad')
    .description(
      'Control daemon for ALOHA robots: trials, demonstrations, ACT training; in simulation or on the robot',
    )
    .version(packageVersion())
    .showHelpAfterError('(add --help for the options)')
    .showSuggestionAfterError();
  for (const verb of [
    trialCommand(),
    teleopCommand(),
    recordCommand(),
    replayCommand(),
    parkCommand(),
    trainCommand(),
    finetuneCommand(),
    residualCommand(),
    bestOfCommand(),
    reportCommand(),
    evalCommand(),
    checkCommand(),
    calibrateCommand(),
    rebootCommand(),
    emulateCommand(),
    episodesCommand(),
    policyCommand(),
    serveCommand(),
    rosCommand(),
    rosInstallCommand(),
    ...daemonCommands(),
  ]) {
    root.addCommand(verb);
  }
  const throwInsteadOfExit = (command: Command): void => {
    command.exitOverride();
    command.commands.forEach(throwInsteadOfExit);
  };
  throwInsteadOfExit(root);
  return root;
}
