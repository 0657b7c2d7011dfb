/** `alohad check`: is this rig fit to move? */
import { Command } from 'commander';
import { EXIT } from '../contract/errors.js';
import type { Finding } from '../contract/finding.js';
import { rigOf, withRig, type RigOptions } from './options.js';
import { writeResult } from './resultFile.js';

interface CheckOptions extends RigOptions {
  policy?: string;
  out: string;
  json?: string;
}

export function checkCommand(): Command {
  return withRig(new Command('check').description('look at a rig before anything moves; changes nothing'))
    .option('--policy <name>', 'also check this policy: a shipped one or a checkpoint folder')
    .option('--out <folder>', 'where episodes are to be recorded', 'episodes')
    .option('--json <file>', 'machine-readable result')
    .addHelpText(
      'after',
      '\nExit code 0: fit, perhaps with warnings; 1: something failed.\n\nExample:\n  $ alohad check --rig launch/rigs/aloha.yaml --policy shipped',
    )
    .action(async (options: CheckOptions) => {
      const { preflight } = await import('../daemon/preflight/preflight.js');
      const { policy, out, json } = options;
      const findings = await preflight(
        { rig: rigOf(options), episodes: out, ...(policy !== undefined && { policy }) },
        (finding) => process.stdout.write(line(finding)),
      );
      const count = (grade: Finding['grade']): number => findings.filter((one) => one.grade === grade).length;
      process.stdout.write(`\n${count('ok')} ok, ${count('warn')} warnings, ${count('fail')} failures\n`);
      if (json !== undefined) writeResult(json, { findings });
      process.exitCode = count('fail') > 0 ? EXIT.failed : EXIT.done;
    });
}

function line({ subject, what, grade, found, fix }: Finding): string {
  const head = `${grade.padEnd(5)}${subject.padEnd(16)}${what.padEnd(20)}${found}\n`;
  return fix === undefined ? head : `${head}${' '.repeat(41)}-> ${fix}\n`;
}
