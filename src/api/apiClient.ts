/** A client of the control API: what the command line talks to a running daemon with. */
import { WebSocket } from 'ws';
import { API_VERSION, type CommandInput, type NamedError, type ServerMessage } from '../contract/api.js';
import { DaemonUnreachableError } from '../contract/apiErrors.js';
import { decodeFrame, type StreamFrame } from '../contract/apiFrames.js';
import type { ServedState } from '../contract/apiState.js';
import { AlohadError } from '../contract/errors.js';

export interface ApiAddress {
  /** `http://127.0.0.1:8600` */
  readonly url: string;
  readonly token?: string | undefined;
}

/** The daemon's refusal, under its own name. */
export class RefusedError extends AlohadError {
  constructor({ name, message }: NamedError) {
    super(message);
    this.name = name;
  }
}

const PATIENCE_MS = 5000;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class ApiClient {
  /** The newest state that the daemon told. */
  state: ServedState;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onMessage: (message: ServerMessage) => void;
  #next = 1;

  /** Throws DaemonUnreachableError, or the daemon's own refusal. */
  static async connect(
    { url, token }: ApiAddress,
    onMessage: (message: ServerMessage) => void = () => {},
    onFrame: (frame: StreamFrame) => void = () => {},
  ): Promise<ApiClient> {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws').replace(/\/$/, '')}/api`, {
      handshakeTimeout: PATIENCE_MS,
      ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    });
    return await new Promise<ApiClient>((resolve, reject) => {
      socket.once('error', (cause) => {
        reject(
          new DaemonUnreachableError(
            `no daemon answers at ${url} (${cause.message}). Start one with 'alohad serve', or give --port or --url`,
            { cause },
          ),
        );
      });
      socket.once('unexpected-response', (_, response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => {
          reject(refusalOf(text) ?? new DaemonUnreachableError(`${url} is not an alohad daemon`));
        });
      });
      socket.once('message', (data: Buffer) => {
        const first: ServerMessage = JSON.parse(data.toString());
        if (first.type === 'welcome') resolve(new ApiClient(socket, first.state, onMessage, onFrame));
        else if (first.type === 'refused') reject(new RefusedError(first.error));
        else reject(new DaemonUnreachableError(`${url} is not an alohad daemon`));
      });
    });
  }

  private constructor(
    socket: WebSocket,
    state: ServedState,
    onMessage: (message: ServerMessage) => void,
    onFrame: (frame: StreamFrame) => void,
  ) {
    this.state = state;
    this.#socket = socket;
    this.#onMessage = onMessage;
    socket.removeAllListeners('error').on('error', () => {});
    socket.on('message', (data: Buffer, binary: boolean) => {
      if (!binary) {
        this.#take(JSON.parse(data.toString()));
        return;
      }
      // A copy: frames are read as aligned numbers, and ws may hand out a view into its own buffer.
      const frame = decodeFrame(Uint8Array.from(data).buffer);
      if (frame) onFrame(frame);
    });
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values())
        reject(new DaemonUnreachableError('the daemon closed the connection'));
      this.#waiting.clear();
    });
  }

  /** Sends a command and waits for its answer. Throws what the daemon refuses with. */
  async send(command: CommandInput): Promise<unknown> {
    const id = this.#next++;
    return await new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ v: API_VERSION, id, ...command }));
    });
  }

  /** The state at this moment. */
  async askState(): Promise<ServedState> {
    await this.send({ type: 'state' });
    return this.state;
  }

  /** Resolves when the connection is gone, whoever ended it. */
  async closed(): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    await new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
  }

  close(): void {
    this.#socket.close();
  }

  #take(message: ServerMessage): void {
    if (message.type === 'state') this.state = message.state;
    if ((message.type === 'ok' || message.type === 'refused') && typeof message.id === 'number') {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.type === 'ok') {
        if (message.state) this.state = message.state;
        waiting?.resolve(message.result);
      } else waiting?.reject(new RefusedError(message.error));
    }
    this.#onMessage(message);
  }
}

function refusalOf(text: string): RefusedError | undefined {
  try {
    const { error }: { error: NamedError } = JSON.parse(text);
    return new RefusedError(error);
  } catch {
    return undefined;
  }
}
