/** The command line: one file per verb. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { episodesCommand } from './episodes.js';
import { policyCommand } from './policy.js';
import { recordCommand } from './record.js';
import { replayCommand } from './replay.js';
import { trainCommand } from './train.js';
import { trialCommand } from './trial.js';

export function program(): Command {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const root = new Command('alohad')
    .description(
      'Control daemon for ALOHA robots: trials, demonstrations, ACT training; in simulation or on the robot',
    )
    .version(version)
    .showHelpAfterError('(add --help for the options)')
    .showSuggestionAfterError();
  for (const verb of [
    trialCommand(),
    recordCommand(),
    replayCommand(),
    trainCommand(),
    episodesCommand(),
    policyCommand(),
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
