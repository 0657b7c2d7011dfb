/** Starts the built daemon as a user would, on a free port, with its files in a folder of the test's own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ApiClient } from '#alohad/api/apiClient.js';
import type { ServerMessage } from '#alohad/contract/api.js';
import type { ServedState } from '#alohad/contract/apiState.js';

export const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export class ServedDaemon {
  readonly url: string;
  readonly folder: string;
  readonly process: ChildProcess;

  /**
   * @param port where a daemon before was
   * @param preload a module that is loaded before the daemon and hears what is sent to its process
   */
  static async start(options: readonly string[] = [], port = 0, preload?: string): Promise<ServedDaemon> {
    const folder = mkdtempSync(join(tmpdir(), 'alohad-serve-'));
    const child = spawn(
      process.execPath,
      [
        ...(preload === undefined ? [] : ['--import', preload]),
        MAIN,
        'serve',
        '--port',
        String(port),
        '--log',
        join(folder, 'log'),
        '--episodes',
        folder,
        '--foxglove-port',
        '0',
        ...options,
      ],
      { stdio: ['ignore', 'pipe', 'inherit', ...(preload === undefined ? [] : (['ipc'] as const))] },
    );
    const url = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stdout!.setEncoding('utf8').on('data', (part: string) => {
        text += part;
        const found = /dashboard: (http:\S+)/.exec(text)?.[1];
        if (found !== undefined) resolve(found);
      });
      child.on('close', (code) => {
        reject(new Error(`the daemon ended (${code}) before it was ready`));
      });
    });
    return new ServedDaemon(url, folder, child);
  }

  private constructor(url: string, folder: string, child: ChildProcess) {
    this.url = url;
    this.folder = folder;
    this.process = child;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  async client(onMessage: (message: ServerMessage) => void = () => {}): Promise<ApiClient> {
    return await ApiClient.connect({ url: this.url }, onMessage);
  }

  /** Ctrl-C; returns the exit code. */
  async stop(): Promise<number | null> {
    const ended = new Promise<number | null>((resolve) => {
      if (this.process.exitCode !== null || this.process.signalCode !== null) resolve(this.process.exitCode);
      this.process.on('close', resolve);
    });
    this.process.kill('SIGINT');
    const code = await ended;
    rmSync(this.folder, { recursive: true, force: true });
    return code;
  }
}

/** A rig file in `folder` for which there is the simulation, and arms to emulate. */
export function writeRigOfBoth(folder: string): string {
  const rig = join(folder, 'rig.yaml');
  const bus = (name: string): string => `  ${name}: { port: ${join(folder, name)}, arm: vx300s }\n`;
  writeFileSync(rig, `name: both\nbuses:\n${bus('follower_left')}${bus('follower_right')}`);
  return rig;
}

/** Asks until the state is as wanted. */
export async function until(
  client: ApiClient,
  wanted: (state: ServedState) => boolean,
): Promise<ServedState> {
  for (;;) {
    const state = await client.askState();
    if (wanted(state)) return state;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
