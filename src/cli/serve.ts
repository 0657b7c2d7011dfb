/** `alohad serve`: the daemon people live with. */
import { Command, Option } from 'commander';
import { apiToken } from '../config/environment.js';
import type { DaemonMode } from '../contract/apiState.js';
import { interruptible } from './interrupt.js';
import { integer, rigOf, withRig, type RigOptions } from './options.js';

/** Port of the control API unless another is given. */
export const DEFAULT_PORT = 8600;

interface ServeOptions extends RigOptions {
  port: number;
  bind: string;
  token?: string;
  foxglovePort?: number;
  episodes: string;
  mode?: DaemonMode;
  log?: string;
}

export function serveCommand(): Command {
  return withRig(new Command('serve'))
    .description('run the daemon: control loop, dashboard, control API, until Ctrl-C')
    .option(
      '--port <n>',
      'port of dashboard and control API; 0 takes a free one',
      integer(0, 65535),
      DEFAULT_PORT,
    )
    .option('--bind <address>', 'address to listen on; others than loopback need a token', '127.0.0.1')
    .option(
      '--foxglove-port <n>',
      'port where Foxglove finds the robot; 0 turns it off (default: 8765, if it is free)',
      integer(0, 65535),
    )
    .option('--token <text>', 'what clients have to know; better given as ALOHAD_TOKEN')
    .option('--episodes <folder>', 'where recordings go', 'episodes')
    .addOption(
      new Option('--mode <name>', 'enter this mode at once').choices(['idle', 'teleop', 'trial', 'record']),
    )
    .option('--log <file>', 'structured log, one JSON object a line (default: standard error)')
    .addHelpText(
      'after',
      `
The arms of a real robot stay limp until somebody asks for a mode. Ctrl-C parks them and takes their torque off.

Examples:
  $ alohad serve                                   the simulation, on http://127.0.0.1:${DEFAULT_PORT}/
  $ alohad serve --rig lab.yaml --log alohad.log
  $ ALOHAD_TOKEN=$(openssl rand -hex 16) alohad serve --bind 0.0.0.0`,
    )
    .action(async (options: ServeOptions) => {
      const { serve } = await import('../daemon/serve/serve.js');
      const token = options.token ?? apiToken();
      const { port, bind, foxglovePort, episodes, mode, log } = options;
      await interruptible((signal) =>
        serve(
          {
            rig: rigOf(options),
            port,
            bind,
            episodes,
            ...(token !== undefined && { token }),
            ...(foxglovePort !== undefined && { foxglovePort }),
            ...(mode !== undefined && { mode }),
            ...(log !== undefined && { log }),
          },
          (url, foxglove) => {
            const secret = token === undefined ? '' : '?token=...';
            process.stdout.write(`dashboard: ${url}${secret}\n`);
            if (foxglove !== undefined) process.stdout.write(`Foxglove: ${foxglove}${secret}\n`);
          },
          signal,
        ),
      );
    });
}
