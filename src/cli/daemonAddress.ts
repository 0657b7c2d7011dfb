/** How verbs that talk to a running daemon are told where it is. */
import { Option, type Command } from 'commander';
import type { ApiAddress } from '../api/apiClient.js';
import { apiToken } from '../config/environment.js';
import { integer } from './options.js';
import { DEFAULT_PORT } from './serve.js';

export interface DaemonAddressOptions {
  port: number;
  url?: string;
  token?: string;
}

export const withDaemonAddress = (command: Command): Command =>
  command
    .option('--port <n>', 'port of the daemon on this machine', integer(1, 65535), DEFAULT_PORT)
    .addOption(
      new Option('--url <address>', 'a daemon anywhere, such as http://robot:8600').conflicts('port'),
    )
    .option('--token <text>', 'its token; better given as ALOHAD_TOKEN');

export function daemonAddress({ port, url, token = apiToken() }: DaemonAddressOptions): ApiAddress {
  return { url: url ?? `http://127.0.0.1:${port}`, ...(token !== undefined && { token }) };
}
