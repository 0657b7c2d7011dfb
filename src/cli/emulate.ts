/** `alohad emulate`: servo buses without servos. */
import { Command, Option } from 'commander';
import { loadRig } from '../config/rig.js';
import { EXIT, UsageError } from '../contract/errors.js';
import { TASKS, type TaskName } from '../contract/task.js';
import { interruptible } from './interrupt.js';
import { integer, number } from './options.js';
import { formatTable } from './table.js';

interface EmulateOptions {
  rig: string;
  bus?: string[];
  world?: TaskName | true;
  seed: number;
  watch?: number | true;
  leaders?: string[];
  fault: string[];
  wire: boolean;
  latency?: number;
}

/** Where webcams are served when no port is given. */
const WATCH_PORT = 8510;

const HELP = `
Examples:
  $ alohad emulate --rig launch/rigs/aloha.yaml
  $ alohad emulate --rig launch/rigs/aloha.yaml --world insertion --watch
  $ alohad emulate --rig launch/rigs/aloha.yaml --bus leader_left leader_right --leaders episode_000000.mcap
  $ alohad emulate --rig launch/rigs/aloha.yaml --fault "follower_left line drop=0.02"

Commands, for --fault, and one a line to the socket that is printed (nc -U, socat):
  BUS line drop=0.02 corrupt=0.02 duplicate=0.1 wrongId=0.1 delay=0.1 delayMs=20
                             shares of answers that suffer this; "BUS line" ends it
  BUS servo ID overload|overheat|undervoltage|shock
                             a hardware error; torque goes off, and a reboot ends it
  BUS servo ID absent|present
                             its cable is pulled, put back (and its voltage is right)
  BUS hand ID TICK|free      a hand holds a joint, lets it go
  BUS stops ID MIN MAX|free  a joint cannot leave these ticks
  BUS unplug|replug          the adapter; its port disappears and comes back
  world start SEED           objects lie as this start pose says (with --world)
  world reward               answers the reward of now, and the highest since the start
`;

export function emulateCommand(): Command {
  return new Command('emulate')
    .description('open the servo buses of a rig as pseudo-terminals, which speak DYNAMIXEL Protocol 2.0')
    .requiredOption('--rig <file>', 'rig file with buses')
    .option('--bus <name...>', 'these buses only')
    .addOption(
      new Option(
        '--world [task]',
        `the followers move the simulated world of this task (${TASKS.join(', ')}; the rig's when absent)`,
      ).argParser((text) => {
        const task = TASKS.find((name) => name === text);
        if (!task) throw new UsageError(`there is no task "${text}"; tasks are ${TASKS.join(', ')}`);
        return task;
      }),
    )
    .option('--seed <n>', 'with --world: start pose of the objects', integer(0), 0)
    .option(
      '--watch [port]',
      `with --world: a page of it, and its cameras as webcams (MJPEG), on this port (default ${WATCH_PORT})`,
      integer(0, 65535),
    )
    .option(
      '--leaders <episode...>',
      'a person at the leaders shows these recorded episodes: closes the grippers to begin, then moves the limp arms',
    )
    .option('--fault <command...>', 'something that goes wrong from the beginning, see below', [])
    .option('--no-wire', 'bytes take no time')
    .option('--latency <ms>', 'latency timer of the USB adapter, overrides the rig file', number(0, 255))
    .addHelpText('after', HELP)
    .action(async (options: EmulateOptions) => {
      const { emulate } = await import('../daemon/emulation.js');
      const { bus, world, watch, fault: faults, seed } = options;
      if (watch !== undefined && world === undefined) throw new UsageError('--watch needs --world');
      const rig = loadRig(options.rig);
      const emulator = {
        ...rig.emulator,
        leaders: options.leaders ?? rig.emulator.leaders,
        wire: options.wire && rig.emulator.wire,
        latencyMs: options.latency ?? rig.emulator.latencyMs,
      };
      const task = world === undefined || world === true ? rig.task : world;
      await interruptible((signal) =>
        emulate(
          {
            rig: { ...rig, emulator, task },
            faults,
            ...(bus && { only: bus }),
            ...(world !== undefined && {
              world: { seed, ...(watch !== undefined && { watchPort: watch === true ? WATCH_PORT : watch }) },
            }),
          },
          {
            onReady: ({ buses, controlPath, urls }) => {
              const rows = buses.map(({ name, path, arm }) => [name, arm.name, path]);
              process.stdout.write(formatTable(['bus', 'arm', 'port'], rows));
              for (const url of urls) process.stdout.write(`${url}\n`);
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
