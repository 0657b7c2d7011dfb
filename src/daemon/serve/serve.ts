/** `alohad serve`: the daemon, its door and its log, until it is asked to end. */
import { pino } from 'pino';
import { ApiServer } from '../../api/apiServer.js';
import { encodeFrame } from '../../contract/apiFrames.js';
import { modeRequestSchema } from '../../contract/api.js';
import type { DaemonMode } from '../../contract/apiState.js';
import { pageFile } from '../../dashboard/pageFiles.js';
import type { Rig } from '../../config/rig.js';
import { Daemon } from './daemon.js';
import { allocateLiveMemory } from './liveMemory.js';
import { startStreams } from './streams.js';
import { tellSystemd } from './systemdNotify.js';

export interface ServeRequest {
  readonly rig: Rig;
  readonly port: number;
  readonly bind: string;
  readonly token?: string;
  readonly episodes: string;
  /** Entered as soon as the robot is connected. */
  readonly mode?: DaemonMode;
  /** Where the log goes; standard error when absent. */
  readonly log?: string;
}

/** systemd's watchdog wants to hear of us at least so often [ms]; see launch/alohad.service. */
const WATCHDOG_MS = 10_000;

/**
 * Returns once the signal was given and the arms are parked.
 * @param onReady told where the page is
 */
export async function serve(
  request: ServeRequest,
  onReady: (url: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const log = pino({ name: 'alohad', base: null }, pino.destination(request.log ?? 2));
  const memory = allocateLiveMemory();
  const sequence = new Map<string, number>();
  const daemon: Daemon = new Daemon({
    rig: request.rig,
    memory,
    episodeFolder: request.episodes,
    onChange: () => {
      server.changed();
    },
    onFrame: ({ camera, timeMs, jpeg }) => {
      const number = (sequence.get(camera) ?? 0) + 1;
      sequence.set(camera, number);
      server.stream(
        ({ cameras }) => cameras.has(camera),
        () => encodeFrame('camera', daemon.state.cameras.indexOf(camera), number, timeMs, jpeg),
      );
    },
    onEvent: (level, text) => {
      log[level](text);
      server.announce(level, text);
    },
  });
  const { port: wanted, bind, token } = request;
  const server = await ApiServer.start(daemon, {
    port: wanted,
    bind,
    token,
    page: pageFile,
    onUnexpected: (error) => {
      log.error({ err: error }, 'unexpected error');
    },
  });
  const stopStreams = startStreams(memory, server);
  const watchdog = setInterval(() => {
    tellSystemd('WATCHDOG=1');
  }, WATCHDOG_MS);
  try {
    onReady(`http://${bind.includes(':') ? `[${bind}]` : bind}:${server.port}/`);
    await daemon.start();
    tellSystemd('--ready', `--status=${daemon.state.line}`);
    log.info({ port: server.port, bind, backend: request.rig.backend }, 'ready');
    if (request.mode) {
      const mode = modeRequestSchema.parse({ mode: request.mode });
      await daemon.carryOut({ v: 1, type: 'mode', request: mode }, 'the command line');
    }
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => {
        resolve();
      });
    });
  } finally {
    tellSystemd('--stopping');
    clearInterval(watchdog);
    stopStreams();
    await daemon.close();
    await server.close();
    log.info('ended');
  }
}
