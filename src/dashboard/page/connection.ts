/** The page's end of the control API: connects, connects again, asks and listens. */
import { decodeFrame, type StreamFrame } from '../../contract/apiFrames.js';
import type { CommandInput, ServerMessage } from '../../contract/api.js';

export interface ConnectionEvents {
  onOpen(): void;
  onLost(reason: string): void;
  onMessage(message: ServerMessage): void;
  onFrame(frame: StreamFrame): void;
}

/** Tried again after so long [ms]: a daemon that is started anew is found at once. */
const RETRY_MS = 700;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class Connection {
  readonly #events: ConnectionEvents;
  readonly #waiting = new Map<number, Waiting>();
  #socket: WebSocket | undefined;
  #next = 1;

  constructor(events: ConnectionEvents) {
    this.#events = events;
    this.#connect();
  }

  /** Sends a command; resolves or rejects with the daemon's answer. */
  async ask(command: CommandInput): Promise<unknown> {
    const id = this.#next++;
    return await new Promise((resolve, reject) => {
      if (this.#socket?.readyState !== WebSocket.OPEN) {
        reject(new Error('not connected'));
        return;
      }
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ v: 1, id, ...command }));
    });
  }

  #connect(): void {
    const url = new URL('/api', location.href);
    url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    url.search = location.search; // The token, where there is one.
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('open', () => {
      this.#socket = socket;
      this.#events.onOpen();
    });
    socket.addEventListener('message', ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (typeof data !== 'string') {
        const frame = decodeFrame(data);
        if (frame) this.#events.onFrame(frame);
        return;
      }
      this.#take(JSON.parse(data));
    });
    socket.addEventListener('close', ({ reason }) => {
      this.#socket = undefined;
      for (const { reject } of this.#waiting.values()) reject(new Error('the connection was lost'));
      this.#waiting.clear();
      this.#events.onLost(reason);
      setTimeout(() => {
        this.#connect();
      }, RETRY_MS);
    });
  }

  #take(message: ServerMessage): void {
    if ((message.type === 'ok' || message.type === 'refused') && typeof message.id === 'number') {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.type === 'ok') waiting?.resolve(message.result);
      else waiting?.reject(new Error(message.error.message, { cause: message.error.name }));
    }
    this.#events.onMessage(message);
  }
}
