/** `alohad emulate`: servo buses without servos. */
import { Command } from 'commander';
import { loadRig } from '../config/rig.js';
import { EXIT } from '../contract/errors.js';
import { interruptible } from './interrupt.js';
import { number } from './options.js';
import { formatTable } from './table.js';

interface EmulateOptions {
  rig: string;
  wire: boolean;
  latency?: number;
}

export function emulateCommand(): Command {
  return new Command('emulate')
    .description('open the servo buses of a rig as pseudo-terminals, which speak DYNAMIXEL Protocol 2.0')
    .requiredOption('--rig <file>', 'rig file with buses')
    .option('--no-wire', 'bytes take no time')
    .option('--latency <ms>', 'latency timer of the USB adapter, overrides the rig file', number(0, 255))
    .addHelpText(
      'after',
      '\nExample:\n  $ alohad emulate --rig launch/rigs/aloha.yaml\n' +
        'Faults, one a line, to the socket that is printed (socat, nc -U):\n' +
        '  follower_left servo 9 overload | follower_left hand 1 2048 | follower_left line drop=0.02 | follower_left unplug',
    )
    .action(async (options: EmulateOptions) => {
      const { emulate } = await import('../daemon/emulation.js');
      const rig = loadRig(options.rig);
      const emulator = {
        ...rig.emulator,
        wire: options.wire && rig.emulator.wire,
        latencyMs: options.latency ?? rig.emulator.latencyMs,
      };
      await interruptible((signal) =>
        emulate(
          { ...rig, emulator },
          {
            onReady: (buses, controlPath) => {
              const rows = buses.map(({ name, path, arm }) => [name, arm.name, path]);
              process.stdout.write(formatTable(['bus', 'arm', 'port'], rows));
              process.stdout.write(`faults: ${controlPath}\nCtrl-C ends\n`);
            },
            onLine: (text) => process.stdout.write(`${text}\n`),
          },
          signal,
        ),
      );
      process.exitCode = EXIT.interrupted;
    });
}
