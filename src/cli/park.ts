/** `alohad park`: arms that were left stiff come to rest, or are let go. */
import { Command } from 'commander';
import { rigOf, withRig, type RigOptions } from './options.js';

export function parkCommand(): Command {
  const command = new Command('park').description('bring the arms slowly to rest, then torque off');
  return withRig(command)
    .option('--limp', 'torque off where they are: HOLD THE ARMS, they fall', false)
    .addHelpText('after', '\nExample:\n  $ alohad park --rig launch/rigs/aloha.yaml --backend real')
    .action(async (options: RigOptions & { limp: boolean }) => {
      const { park } = await import('../daemon/parking.js');
      await park(rigOf(options), options.limp, (text) => process.stderr.write(`${text}\n`));
      process.stdout.write(`the arms ${options.limp ? 'are limp' : 'are parked, and limp'}\n`);
    });
}
