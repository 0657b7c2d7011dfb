/** `alohad serve`: the daemon, its door and its log, until it is asked to end. */
import { pino, type Logger } from 'pino';
import { ApiServer } from '../../api/apiServer.js';
import { encodeFrame } from '../../contract/apiFrames.js';
import { modeRequestSchema } from '../../contract/api.js';
import type { DaemonMode } from '../../contract/apiState.js';
import { pageFile } from '../../dashboard/pageFiles.js';
import { watchdogMs } from '../../config/environment.js';
import type { Rig } from '../../config/rig.js';
import { UsageError } from '../../contract/errors.js';
import { keepHeapsSmall } from '../../realtime/smallHeaps.js';
import { Daemon } from './daemon.js';
import { startFoxglove, type FoxgloveFeed } from './foxgloveFeed.js';
import { allocateLiveMemory } from './liveMemory.js';
import { startStreams } from './streams.js';
import { Systemd } from './systemdNotify.js';
import { Thumbnails } from './thumbnails.js';

/** Where Foxglove looks for a robot unless told otherwise. */
export const FOXGLOVE_PORT = 8765;

export interface ServeRequest {
  readonly rig: Rig;
  readonly port: number;
  readonly bind: string;
  readonly token?: string;
  /** Port for Foxglove: none when 0; the usual one, if it is free, when absent. */
  readonly foxglovePort?: number;
  readonly episodes: string;
  /** Entered as soon as the robot is connected. */
  readonly mode?: DaemonMode;
  /** Where the log goes; standard error when absent. */
  readonly log?: string;
}

/**
 * Returns once the signal was given and the arms are parked.
 * @param onReady told where the page is, and where Foxglove finds the robot
 */
export async function serve(
  request: ServeRequest,
  onReady: (url: string, foxglove: string | undefined) => void,
  signal: AbortSignal,
): Promise<void> {
  keepHeapsSmall();
  const log = pino({ name: 'alohad', base: null }, pino.destination(request.log ?? 2));
  const systemd = new Systemd();
  const memory = allocateLiveMemory();
  const sequence = new Map<string, number>();
  const daemon: Daemon = new Daemon({
    rig: request.rig,
    memory,
    episodeFolder: request.episodes,
    otherDoors: () => (foxglove ? { Foxglove: foxglove.server.door } : {}),
    onChange: () => {
      server.changed();
      foxglove?.onChange();
    },
    onFrame: ({ camera, timeMs, jpeg }) => {
      const number = (sequence.get(camera) ?? 0) + 1;
      sequence.set(camera, number);
      foxglove?.onFrame(camera, timeMs, jpeg);
      server.stream(
        ({ cameras }) => cameras.has(camera),
        () => encodeFrame('camera', daemon.cameras.indexOf(camera), number, timeMs, jpeg),
      );
    },
    onEvent: (level, text) => {
      log[level](text);
      server.announce(level, text);
      systemd.tell(`STATUS=${text}`);
      foxglove?.onEvent(level, text);
    },
  });
  const { port: wanted, bind, token } = request;
  const thumbnails = new Thumbnails(request.episodes);
  const server = await ApiServer.start(daemon, {
    port: wanted,
    bind,
    token,
    page: pageFile,
    picture: (path) => {
      const name = /^\/episodes\/(.+)\.jpg$/.exec(path)?.[1];
      return name === undefined ? undefined : thumbnails.of(name);
    },
    onUnexpected: (error) => {
      log.error({ err: error }, 'unexpected error');
    },
  });
  let foxglove: FoxgloveFeed | undefined;
  const stopStreams = startStreams(memory, server, (tick) => {
    foxglove?.onTick(tick);
  });
  const watchedMs = watchdogMs();
  // Twice as often as it has to be.
  const watchdog = watchedMs && setInterval(() => systemd.tell('WATCHDOG=1'), watchedMs / 2);
  try {
    foxglove = await openFoxglove(request, daemon, log);
    const host = bind.includes(':') ? `[${bind}]` : bind;
    onReady(`http://${host}:${server.port}/`, foxglove && `ws://${host}:${foxglove.server.port}`);
    await daemon.start();
    systemd.tell('READY=1', `STATUS=${daemon.state.line}`);
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
    systemd.tell('STOPPING=1');
    clearInterval(watchdog);
    stopStreams();
    await Promise.all([daemon.close(), thumbnails.close()]);
    await server.close();
    await foxglove?.server.close();
    log.info('ended');
  }
}

/** Throws UsageError when a port that was asked for is taken; the usual one is done without. */
async function openFoxglove(
  { foxglovePort, bind, token, rig }: ServeRequest,
  daemon: Daemon,
  log: Logger,
): Promise<FoxgloveFeed | undefined> {
  if (foxglovePort === 0) return undefined;
  try {
    const feed: FoxgloveFeed = await startFoxglove(
      {
        port: foxglovePort ?? FOXGLOVE_PORT,
        bind,
        token,
        name: `alohad, ${rig.name}`,
        onUnexpected: (error) => {
          log.error({ err: error }, 'unexpected error');
        },
        onWanted: () => {
          daemon.watched(feed.watched, 'Foxglove');
        },
      },
      () => daemon.state,
    );
    return feed;
  } catch (error) {
    if (foxglovePort !== undefined || !(error instanceof UsageError)) throw error;
    log.warn(error.message);
    return undefined;
  }
}
