/** `alohad reboot`: servos that shut down are restarted, with a person beside the arm. */
import { Command } from 'commander';
import { loadRig } from '../config/rig.js';
import { HandsAndKeys } from './handsAndKeys.js';
import { interruptible } from './interrupt.js';

export function rebootCommand(): Command {
  return new Command('reboot')
    .description(
      'restart servos of an arm that have shut down (overload, heat), modes and limits set before torque',
    )
    .requiredOption(
      '--arm <name>',
      'bus of the rig: follower_left, follower_right, leader_left, leader_right',
    )
    .requiredOption('--rig <file>', 'rig file with buses')
    .addHelpText(
      'after',
      '\nA servo gets its torque back where it stands if the rest of its arm is stiff; otherwise it stays limp.' +
        '\n\nExample:\n  $ alohad reboot --arm follower_left --rig launch/rigs/aloha.yaml',
    )
    .action(async (options: { arm: string; rig: string }) => {
      const { rebootServos } = await import('../daemon/rebooting.js');
      const person = new HandsAndKeys(process.stdin, process.stdout);
      try {
        const rebooted = await interruptible((signal) =>
          rebootServos(loadRig(options.rig), options.arm, person, signal),
        );
        if (rebooted.length === 0) person.tell(`no servo of ${options.arm} has a hardware error`);
      } finally {
        person.leave();
      }
    });
}
