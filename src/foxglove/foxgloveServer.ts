/**
 * A server of the Foxglove WebSocket protocol: channels that viewers look at, and nothing that they could do.
 *
 * It runs on the main thread, away from the control loop, and never waits for a viewer: what a slow link cannot take is
 * dropped. A message is made only when somebody wants it.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { isLoopback, requireAccess, requireSafe, type AccessRules } from '../api/access.js';
import { closeDoor } from '../api/closeDoor.js';
import type { DoorState } from '../api/client.js';
import { refuseUpgrade } from '../api/refusal.js';
import { MESSAGE_BYTES } from '../contract/api.js';
import { MessageError } from '../contract/apiErrors.js';
import { AlohadError, UsageError } from '../contract/errors.js';
import { SUBPROTOCOLS, type ChannelDescription, type FromServer } from './protocol.js';
import { Viewer } from './viewer.js';

export interface FoxgloveOptions extends AccessRules {
  /** 0 takes a free one. */
  readonly port: number;
  /** For people to see in their viewer. */
  readonly name: string;
  readonly onUnexpected: (error: unknown) => void;
  /** Somebody subscribed to something, or ended it. */
  readonly onWanted: () => void;
}

/** A channel that is offered to every viewer. */
export interface OfferedChannel {
  readonly topic: string;
  /** Whether anybody is subscribed. */
  readonly wanted: boolean;
  /** @param timeNs wall-clock time [ns since 1970] */
  publish(timeNs: bigint, make: () => Uint8Array): void;
  withdraw(): void;
}

interface Channel {
  readonly description: ChannelDescription & { readonly id: number };
  /** The last message, for those who subscribe after it; only where that makes sense. */
  last: { readonly timeNs: bigint; readonly payload: Uint8Array } | undefined;
}

const MOST_VIEWERS = 16;
const HEARTBEAT_MS = 5000;

export class FoxgloveServer {
  readonly #options: FoxgloveOptions;
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => SUBPROTOCOLS.find((name) => offered.has(name)) ?? false,
  });
  readonly #viewers = new Set<Viewer>();
  readonly #channels = new Map<number, Channel>();
  readonly #session = randomUUID();
  readonly #heart: NodeJS.Timeout;
  #nextChannel = 1;
  /** By viewers that left. */
  #droppedBefore = 0;

  /** Throws UsageError when the rules are unsafe or the port is taken. */
  static async start(options: FoxgloveOptions): Promise<FoxgloveServer> {
    requireSafe(options);
    const server = new FoxgloveServer({ admits: isViewer, ...options });
    await new Promise<void>((resolve, reject) => {
      server.#http.once('error', (cause) => {
        clearInterval(server.#heart);
        reject(
          new UsageError(
            `cannot listen on ${options.bind}:${options.port} for Foxglove: ${cause.message}. ` +
              'Another daemon or foxglove_bridge may; --foxglove-port takes another port, 0 turns it off',
            { cause },
          ),
        );
      });
      server.#http.listen(options.port, options.bind, resolve);
    });
    return server;
  }

  private constructor(options: FoxgloveOptions) {
    this.#options = options;
    this.#http = createServer((_, response) => {
      response.writeHead(426, { 'content-type': 'text/plain', connection: 'close' });
      response.end('This port speaks the Foxglove WebSocket protocol: open it in Foxglove as ws://...\n');
    });
    this.#http.on('upgrade', (request, socket, head) => {
      socket.on('error', () => socket.destroy());
      this.#admit(request, socket, head);
    });
    this.#heart = setInterval(() => {
      for (const viewer of this.#viewers) viewer.heartbeat();
    }, HEARTBEAT_MS).unref();
  }

  get port(): number {
    const address = this.#http.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** Messages that viewers missed, as their links were too slow. */
  get dropped(): number {
    return [...this.#viewers].reduce((sum, { dropped }) => sum + dropped, this.#droppedBefore);
  }

  /** Bytes that wait to leave. */
  get backlog(): number {
    return [...this.#viewers].reduce((sum, { backlog }) => sum + backlog, 0);
  }

  get door(): DoorState {
    return { clients: this.viewers, dropped: this.dropped, backlog: this.backlog };
  }

  /** @param keepsLast whoever subscribes is sent the last message at once */
  offer(description: ChannelDescription, keepsLast = false): OfferedChannel {
    const id = this.#nextChannel++;
    const channel: Channel = { description: { ...description, id }, last: undefined };
    this.#channels.set(id, channel);
    this.#tell({ op: 'advertise', channels: [channel.description] });
    const isWanted = (): boolean => [...this.#viewers].some((viewer) => viewer.wants(id));
    return {
      topic: description.topic,
      get wanted() {
        return isWanted();
      },
      publish: (timeNs, make) => {
        if (!keepsLast && !isWanted()) return;
        const payload = make();
        if (keepsLast) channel.last = { timeNs, payload };
        for (const viewer of this.#viewers) viewer.send(id, timeNs, payload);
      },
      withdraw: () => {
        this.#channels.delete(id);
        for (const viewer of this.#viewers) viewer.forget(id);
        this.#tell({ op: 'unadvertise', channelIds: [id] });
      },
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#heart);
    await closeDoor(this.#http, this.#sockets);
  }

  #admit(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    try {
      requireAccess(request, this.#options);
    } catch (error) {
      if (!(error instanceof AlohadError)) this.#options.onUnexpected(error);
      refuseUpgrade(socket, '403 Forbidden', error);
      return;
    }
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    if (!offered.some((name) => SUBPROTOCOLS.includes(name))) {
      const error = new MessageError(`a viewer has to ask for the subprotocol ${SUBPROTOCOLS.join(' or ')}`);
      refuseUpgrade(socket, '400 Bad Request', error);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (open) => {
      this.#enter(open);
    });
  }

  #enter(socket: WebSocket): void {
    // What ws itself refuses (bad UTF-8, too large) it answers with a close code.
    socket.on('error', () => {});
    if (this.#viewers.size >= MOST_VIEWERS) {
      socket.close(1013, `${MOST_VIEWERS} viewers are connected already`);
      return;
    }
    const viewer: Viewer = new Viewer(socket, {
      isOffered: (channel) => this.#channels.has(channel),
      onSubscribed: (channel) => {
        const last = this.#channels.get(channel)?.last;
        if (last) viewer.send(channel, last.timeNs, last.payload);
        this.#options.onWanted();
      },
      onUnsubscribed: this.#options.onWanted,
    });
    this.#viewers.add(viewer);
    socket.on('close', () => {
      this.#viewers.delete(viewer);
      this.#droppedBefore += viewer.dropped;
      this.#options.onWanted();
    });
    viewer.tell({ op: 'serverInfo', name: this.#options.name, capabilities: [], sessionId: this.#session });
    const channels = [...this.#channels.values()].map(({ description }) => description);
    viewer.tell({ op: 'advertise', channels });
  }

  #tell(message: FromServer): void {
    for (const viewer of this.#viewers) viewer.tell(message);
  }
}

/**
 * Pages that are viewers: Foxglove's own, those served by this machine (Lichtblick in a container), and programs that
 * show pages of their own files. A page of any other site may not look through the robot's cameras.
 */
function isViewer(origin: string): boolean {
  if (!URL.canParse(origin)) return false;
  const { protocol, hostname } = new URL(origin);
  if (protocol !== 'http:' && protocol !== 'https:') return true;
  if (protocol === 'https:' && (hostname === 'foxglove.dev' || hostname.endsWith('.foxglove.dev')))
    return true;
  return isLoopback(hostname.replace(/^\[(.*)\]$/, '$1'));
}
