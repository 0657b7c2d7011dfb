/** A daemon that only notes what reaches it, and a server in front of it. */
import { WebSocket } from 'ws';
import { ApiServer, type ApiServerOptions } from '#alohad/api/apiServer.js';
import type { CommandedDaemon, DaemonCommand } from '#alohad/api/client.js';
import type { ServerMessage } from '#alohad/contract/api.js';
import type { DaemonState } from '#alohad/contract/apiState.js';

const QUIET = { count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 };

export const IDLE_STATE: DaemonState = {
  software: '0',
  startedAt: 0,
  rig: 'fake',
  task: 'insertion',
  mode: 'idle',
  line: '',
  changing: false,
  arms: 'holding',
  backend: 'sim',
  backends: [{ name: 'sim' }],
  modes: [{ name: 'idle' }],
  emergencyStop: null,
  cameras: ['cam_high'],
  intrinsics: {
    cam_high: { width: 640, height: 480, fx: 480, fy: 480, cx: 320, cy: 240, distortion: [] },
  },
  judges: true,
  velocityRadPerS: Math.PI,
  loop: {
    ticks: 0,
    missed: 0,
    late: QUIET,
    lateHistogram: [],
    busy: QUIET,
    stopping: QUIET,
    latency: QUIET,
    recorder: null,
  },
  webcams: [],
  servos: [],
  children: [],
  run: null,
  learning: null,
  episodeFolder: 'episodes',
};

export class FakeDaemon implements CommandedDaemon {
  state: DaemonState = IDLE_STATE;
  readonly commands: { command: DaemonCommand; who: string }[] = [];
  readonly stops: string[] = [];
  readonly watchedCameras: ReadonlySet<string>[] = [];
  /** What `carryOut` does. */
  act: (command: DaemonCommand) => unknown = () => undefined;

  async carryOut(command: DaemonCommand, who: string): Promise<unknown> {
    this.commands.push({ command, who });
    return await this.act(command);
  }
  emergencyStop(who: string): void {
    this.stops.push(who);
  }
  controlledBy(): void {}
  watched(cameras: ReadonlySet<string>): void {
    this.watchedCameras.push(cameras);
  }
  metrics(): string {
    return 'alohad_up 1\n';
  }
}

export async function serveFake(
  options: Partial<ApiServerOptions> = {},
): Promise<{ daemon: FakeDaemon; server: ApiServer; unexpected: unknown[] }> {
  const daemon = new FakeDaemon();
  const unexpected: unknown[] = [];
  const server = await ApiServer.start(daemon, {
    bind: '127.0.0.1',
    port: 0,
    onUnexpected: (error) => unexpected.push(error),
    ...options,
  });
  return { daemon, server, unexpected };
}

/** A bare socket that keeps what it is told: for what no honest client sends. */
export class RawClient {
  readonly socket: WebSocket;
  readonly messages: ServerMessage[] = [];
  readonly closed: Promise<number>;
  #waiting: (() => void)[] = [];

  constructor(port: number, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/api`, { headers });
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      this.socket.on('close', resolve);
    });
    this.socket.on('message', (data: Buffer, binary: boolean) => {
      if (!binary) this.messages.push(JSON.parse(data.toString()));
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  send(message: unknown): void {
    this.socket.send(
      typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message),
    );
  }

  /** The first message that fits, waited for. */
  async next<T extends ServerMessage['type']>(
    type: T,
    fits: (message: Extract<ServerMessage, { type: T }>) => boolean = () => true,
  ): Promise<Extract<ServerMessage, { type: T }>> {
    const wanted = (message: ServerMessage): message is Extract<ServerMessage, { type: T }> =>
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      message.type === type && fits(message as Extract<ServerMessage, { type: T }>);
    for (;;) {
      const found = this.messages.find(wanted);
      if (found) return found;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  /** Sends a command and waits for the answer with its id. */
  async ask(command: Record<string, unknown>): Promise<string> {
    const id = `ask ${Math.random()}`;
    this.send({ v: 1, id, ...command });
    const answer = await Promise.race([
      this.next('ok', (message) => message.id === id),
      this.next('refused', (message) => message.id === id),
    ]);
    return answer.type === 'ok' ? 'ok' : answer.error.name;
  }

  answers(): number {
    return this.messages.filter(({ type }) => type === 'ok' || type === 'refused').length;
  }
}
