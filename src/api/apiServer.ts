/**
 * The daemon's one door: HTTP for the page and the metrics, a WebSocket for the control API.
 *
 * It runs on the main thread, away from the control loop, and never waits for a client: what a slow link cannot take
 * is dropped.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { WebSocketServer, type WebSocket } from 'ws';
import { API_VERSION, type ServerMessage } from '../contract/api.js';
import { TooManyClientsError } from '../contract/apiErrors.js';
import type { ServedState } from '../contract/apiState.js';
import { AlohadError, UsageError } from '../contract/errors.js';
import { requireAccess, requireSafe, type AccessRules } from './access.js';
import { closeDoor } from './closeDoor.js';
import { Client, type ClientCircle, type CommandedDaemon, type DoorState } from './client.js';
import { ControlHolder } from './controlHolder.js';
import { refusalOf, refuseUpgrade } from './refusal.js';

export interface ApiServerOptions extends AccessRules {
  /** 0 takes a free one. */
  readonly port: number;
  /** Files of the page: answers the path of a GET request, or says that it has none. */
  readonly page?: (path: string) => { readonly type: string; readonly body: Uint8Array | string } | undefined;
  /** A JPEG by the path of a GET request; undefined when it is no picture's path. */
  readonly picture?: (path: string) => Promise<Uint8Array | undefined> | undefined;
  readonly onUnexpected: (error: unknown) => void;
}

/** Asked for with the time of what it shows, so it never changes. */
const PICTURE = 'image/jpeg';
const MOST_CLIENTS = 64;
/** Messages up to here are answered with an error; longer ones end the connection (code 1009). */
const LONGEST_FRAME = 8 * 1024 * 1024;
const HEARTBEAT_MS = 5000;
/** Events that whoever comes later is told. */
const EVENTS_KEPT = 50;
/** At most so often a change of state is told [ms]. */
const STATE_PERIOD_MS = 100;

export class ApiServer {
  readonly #options: ApiServerOptions;
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  readonly #clients = new Set<Client>();
  readonly #circle: ClientCircle;
  readonly #events: ServerMessage[] = [];
  #connections = 0;
  /** By clients that left. */
  #droppedBefore = 0;
  #stateTimer: NodeJS.Timeout | undefined;
  readonly #heart: NodeJS.Timeout;

  /** Throws UsageError when the rules are unsafe or the port is taken. */
  static async start(daemon: CommandedDaemon, options: ApiServerOptions): Promise<ApiServer> {
    requireSafe(options);
    const server = new ApiServer(daemon, options);
    await new Promise<void>((resolve, reject) => {
      server.#http.once('error', (cause) => {
        reject(
          new UsageError(
            `cannot listen on ${options.bind}:${options.port}: ${cause.message}. Is a daemon running already? ` +
              "'alohad status' tells; --port takes another",
            { cause },
          ),
        );
      });
      server.#http.listen(options.port, options.bind, resolve);
    });
    return server;
  }

  private constructor(daemon: CommandedDaemon, options: ApiServerOptions) {
    this.#options = options;
    const control = new ControlHolder();
    this.#circle = {
      daemon,
      control,
      state: (): ServedState => ({
        ...daemon.state,
        control: control.holder ?? null,
        clients: this.#clients.size,
      }),
      changed: () => {
        daemon.controlledBy(control.holder?.client);
        this.#tellWatched();
        this.changed();
      },
      announce: (level, text) => {
        this.announce(level, text);
      },
      unexpected: options.onUnexpected,
    };
    this.#http = createServer((request, response) => {
      this.#serve(request, response);
    });
    this.#sockets = new WebSocketServer({
      noServer: true,
      maxPayload: LONGEST_FRAME,
      perMessageDeflate: false,
    });
    this.#heart = setInterval(() => {
      for (const client of this.#clients) client.heartbeat();
    }, HEARTBEAT_MS).unref();
    this.#http.on('upgrade', (request, socket, head) => {
      socket.on('error', () => socket.destroy());
      try {
        requireAccess(request, options);
      } catch (error) {
        if (!(error instanceof AlohadError)) options.onUnexpected(error);
        refuseUpgrade(socket, '403 Forbidden', error);
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (open) => {
        this.#enter(open);
      });
    });
  }

  get port(): number {
    const address = this.#http.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  /** Frames that clients missed, as their links were too slow. */
  get dropped(): number {
    return [...this.#clients].reduce((sum, { dropped }) => sum + dropped, this.#droppedBefore);
  }

  /** How those who are in keep up. */
  get door(): DoorState {
    const backlog = [...this.#clients].reduce((sum, client) => sum + client.backlog, 0);
    return { clients: this.clients, dropped: this.dropped, backlog };
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** The daemon's state changed: told soon, several changes at once. */
  changed(): void {
    this.#stateTimer ??= setTimeout(() => {
      this.#stateTimer = undefined;
      if (this.#clients.size === 0) return;
      this.#tell({ v: API_VERSION, type: 'state', state: this.#circle.state() });
    }, STATE_PERIOD_MS);
  }

  announce(level: 'info' | 'warn', text: string): void {
    const event = { v: API_VERSION, type: 'event', at: Date.now(), level, text } as const;
    this.#events.push(event);
    if (this.#events.length > EVENTS_KEPT) this.#events.shift();
    this.#tell(event);
  }

  /** Streams a frame to all clients that `wants` picks. The frame is made only when there is one. */
  stream(wants: (client: Client) => boolean, make: () => Uint8Array): void {
    let frame: Uint8Array | undefined;
    for (const client of this.#clients) {
      if (wants(client)) client.stream((frame ??= make()));
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#stateTimer);
    clearInterval(this.#heart);
    await closeDoor(this.#http, this.#sockets);
  }

  #enter(socket: WebSocket): void {
    // What ws itself refuses (bad UTF-8, far too large) it answers with a close code.
    socket.on('error', () => {});
    const client = new Client(++this.#connections, socket, this.#circle);
    if (this.#clients.size >= MOST_CLIENTS) {
      client.refuse(
        new TooManyClientsError(`${MOST_CLIENTS} clients are connected already; close one, then try again`),
      );
      socket.close(1013, 'TooManyClientsError');
      return;
    }
    this.#clients.add(client);
    socket.on('close', () => {
      this.#clients.delete(client);
      this.#droppedBefore += client.dropped;
      this.#circle.control.release(client.number);
      this.#circle.changed();
    });
    client.welcome();
    for (const event of this.#events) client.tell(JSON.stringify(event));
    this.changed();
  }

  #tell(message: ServerMessage): void {
    const text = JSON.stringify(message);
    for (const client of this.#clients) client.tell(text);
  }

  #tellWatched(): void {
    this.#circle.daemon.watched(new Set([...this.#clients].flatMap(({ cameras }) => [...cameras])));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const answer = (status: number, type: string, body: Uint8Array | string): void => {
      response.writeHead(status, {
        'content-type': type,
        'cache-control': type === PICTURE ? 'private, max-age=31536000, immutable' : 'no-store',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
      });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    try {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        answer(405, 'text/plain', 'only GET; commands go over the WebSocket at /api\n');
        return;
      }
      const { pathname } = new URL(request.url ?? '/', 'http://localhost');
      if (pathname === '/metrics') {
        requireAccess(request, this.#options);
        answer(200, 'text/plain; version=0.0.4; charset=utf-8', this.#circle.daemon.metrics(this.door));
        return;
      }
      const picture = this.#options.picture?.(pathname);
      if (picture) {
        requireAccess(request, this.#options);
        picture.then(
          (jpeg) => {
            if (jpeg) answer(200, PICTURE, jpeg);
            else answer(404, 'text/plain', 'not found\n');
          },
          (error: unknown) => {
            if (!(error instanceof AlohadError)) this.#options.onUnexpected(error);
            answer(503, 'application/json', refusalOf(error));
          },
        );
        return;
      }
      const file = this.#options.page?.(pathname);
      if (file) answer(200, file.type, file.body);
      else answer(404, 'text/plain', 'not found\n');
    } catch (error) {
      if (!(error instanceof AlohadError)) this.#options.onUnexpected(error);
      answer(error instanceof AlohadError ? 403 : 500, 'application/json', refusalOf(error));
    }
  }
}
