/** Verbs that talk to a running daemon: `status`, `mode`, `backend`, `take`, `limit`, `stop`, `clear`. */
import { Argument, Command } from 'commander';
import { ApiClient } from '../api/apiClient.js';
import { modeRequestSchema, type CommandInput } from '../contract/api.js';
import { DAEMON_MODES, type DaemonMode, type ServedState } from '../contract/apiState.js';
import { UsageError } from '../contract/errors.js';
import type { Backend } from '../contract/robot.js';
import { daemonAddress, withDaemonAddress, type DaemonAddressOptions } from './daemonAddress.js';
import { number } from './options.js';
import { setting } from './settings.js';
import { formatTable } from './table.js';
import { writeResult } from './resultFile.js';

interface DaemonOptions extends DaemonAddressOptions {
  take?: true;
  json?: string;
}

/** Adds what every such verb needs to find the daemon. */
const talking = (name: string, description: string): Command =>
  withDaemonAddress(new Command(name).description(description));

const takesControl = (command: Command): Command =>
  command.option('--take', 'take control away from whoever has it');

async function withDaemon(
  options: DaemonOptions,
  work: (client: ApiClient) => Promise<unknown>,
): Promise<void> {
  const client = await ApiClient.connect(daemonAddress(options));
  try {
    await client.send({ type: 'hello', name: `command line (${process.pid})` });
    if (options.take) await client.send({ type: 'take_control', force: true });
    await work(client);
  } finally {
    client.close();
  }
}

/** Sends one command, then says how the daemon is. */
async function order(options: DaemonOptions, message: CommandInput): Promise<void> {
  await withDaemon(options, async (client) => {
    await client.send(message);
    print(await client.askState());
  });
}

export function daemonCommands(): Command[] {
  const status = talking('status', 'what a running daemon does')
    .option('--json <file>', 'machine-readable state')
    .action(async (options: DaemonOptions) => {
      await withDaemon(options, async (client) => {
        const state = await client.askState();
        print(state);
        if (options.json !== undefined) writeResult(options.json, state);
      });
    })
    .addHelpText('after', '\nExample:\n  $ alohad status --json state.json');

  const mode = takesControl(talking('mode', 'change what a running daemon does'))
    .addArgument(new Argument('<name>', 'mode').choices(DAEMON_MODES))
    .option('--set <name=value>', 'what the mode is told; may be repeated', setting, {})
    .addHelpText(
      'after',
      `
Examples:
  $ alohad mode trial --set episodes=20 --set policy=script
  $ alohad mode record --set folder=episodes/new --set keep=all
  $ alohad mode record --set policy=teleop --set seconds=30 --set images=jpeg
  $ alohad mode replay --set episode=episodes/seed_0000000.mcap
  $ alohad mode finetune --set policy=runs/start --set demonstrations=episodes/insertion --set out=runs/tuned
  $ alohad mode idle --set torque=limp`,
    )
    .action(async (name: DaemonMode, options: DaemonOptions & { set: Record<string, unknown> }) => {
      const request = modeRequestSchema.safeParse({ ...options.set, mode: name });
      if (!request.success) {
        const [issue] = request.error.issues;
        throw new UsageError(
          `mode ${name}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}; use --set NAME=VALUE`,
        );
      }
      await order(options, { type: 'mode', request: request.data });
    });

  const backend = takesControl(
    talking('backend', 'switch a running daemon to another robot: sim, real, emulated'),
  )
    .addArgument(new Argument('<name>', 'backend').choices(['sim', 'real', 'emulated', 'ros']))
    .addHelpText('after', '\nExample:\n  $ alohad backend sim')
    .action(async (name: Backend, options: DaemonOptions) => {
      await order(options, { type: 'backend', backend: name });
    });

  const limit = takesControl(talking('limit', 'largest speed of the arms of a running daemon'))
    .argument('<rad/s>', 'of every joint, at most pi; from the next tick on', number(0.001, Math.PI))
    .addHelpText('after', '\nExample:\n  $ alohad limit 0.5')
    .action(async (velocityRadPerS: number, options: DaemonOptions) => {
      await order(options, { type: 'limit', velocityRadPerS });
    });

  const take = takesControl(talking('take', 'what becomes of the episode in progress of a running daemon'))
    .addArgument(
      new Argument('<what>', 'end: it counts as it is; again: played again from its start').choices([
        'end',
        'again',
      ]),
    )
    .addHelpText('after', '\nExample:\n  $ alohad take end')
    .action(async (what: 'end' | 'again', options: DaemonOptions) => {
      await order(options, { type: 'take', what });
    });

  const stop = talking('stop', 'EMERGENCY STOP: the arms of a running daemon hold')
    .addHelpText('after', '\nExample:\n  $ alohad stop')
    .action(async (options: DaemonOptions) => {
      await order(options, { type: 'emergency_stop' });
    });

  const clear = takesControl(talking('clear', 'clear the emergency stop of a running daemon'))
    .addHelpText('after', '\nExample:\n  $ alohad clear')
    .action(async (options: DaemonOptions) => {
      await order(options, { type: 'clear_emergency_stop' });
    });

  return [status, mode, backend, take, limit, stop, clear];
}

const told = (holds: boolean | undefined): string =>
  holds === undefined ? '' : holds ? '; the arms hold' : '; the arms DO NOT HOLD: switch them off';

function print(state: ServedState): void {
  const { mode, arms, backend, task, line, loop, run, children, control, emergencyStop } = state;
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  const rows = [
    ['mode', `${mode}: ${line}`],
    ['arms', `${arms}, ${backend}, ${task}`],
    ['emergency stop', emergencyStop ? `ON, by ${emergencyStop.by}${told(emergencyStop.holds)}` : 'off'],
    ['speed limit', `${state.velocityRadPerS.toFixed(2)} rad/s`],
    ['control', control ? control.name : 'free'],
    ['loop', `late p99 ${ms(loop.late.p99Ms)}, ${loop.missed} of ${loop.ticks} missed`],
    ...(run
      ? [
          [
            'run',
            `${run.done} of ${run.wanted} done, ${run.successes} of ${run.judged} judged ones succeeded`,
          ],
        ]
      : []),
    ...children.map(({ name, state: is, deaths, lastError }) => [
      name,
      `${is}${deaths > 0 ? `, died ${deaths} times: ${lastError ?? ''}` : ''}`,
    ]),
  ];
  process.stdout.write(formatTable(['', ''], rows));
}
