/** One connected client: answers every one of its messages, streams to it without ever queueing. */
import type { RawData, WebSocket } from 'ws';
import { API_VERSION, CONTROLLING, type Command, type ServerMessage } from '../contract/api.js';
import { MessageError, TooManyMessagesError } from '../contract/apiErrors.js';
import type { DaemonState, ServedState } from '../contract/apiState.js';
import { AlohadError } from '../contract/errors.js';
import type { ControlHolder, Holder } from './controlHolder.js';
import { MessageBudget } from './messageBudget.js';
import { idOf, parseCommand } from './parseCommand.js';

/** Commands that the daemon carries out; the others are the connection's own matter. */
export type DaemonCommand = Extract<
  Command,
  {
    type:
      | 'mode'
      | 'move'
      | 'backend'
      | 'reboot'
      | 'limit'
      | 'take'
      | 'clear_emergency_stop'
      | 'episodes'
      | 'label';
  }
>;

/** How those who came in through one of the daemon's doors keep up. */
export interface DoorState {
  readonly clients: number;
  /** Frames that were not sent, as links were too slow. */
  readonly dropped: number;
  /** Bytes that wait to leave. */
  readonly backlog: number;
}

/** What a server needs of the daemon behind it. */
export interface CommandedDaemon {
  readonly state: DaemonState;
  /** Resolves once it is done; rejects with a named error. */
  carryOut(command: DaemonCommand, who: string): Promise<unknown>;
  /** Returns at once. Safe at any time, must not throw. */
  emergencyStop(who: string): void;
  /** Number of the client that is in control now, if any. */
  controlledBy(client: number | undefined): void;
  /** Cameras that anybody looks at. */
  watched(cameras: ReadonlySet<string>): void;
  /** Text of the metrics page. */
  metrics(served: DoorState): string;
}

/** What the clients of one server share. */
export interface ClientCircle {
  readonly daemon: CommandedDaemon;
  readonly control: ControlHolder;
  state(): ServedState;
  /** Somebody took or gave back control, or subscribed to something else. */
  changed(): void;
  /** Tells everybody. */
  announce(level: 'info' | 'warn', text: string): void;
  unexpected(error: unknown): void;
}

/** A stream's frame is dropped while this much waits to leave [bytes]: about two camera images. */
export const FRAME_BACKLOG = 48 * 1024;
/** States are small and the newest replaces the last; they are dropped later than frames. */
const STATE_BACKLOG = 512 * 1024;
/** A client that reads no answers while it sends more messages is let go [bytes]. */
const HOPELESS_BACKLOG = 4 * 1024 * 1024;

export class Client {
  readonly number: number;
  /** Frames and states that were dropped, as the link was too slow. */
  dropped = 0;
  cameras: ReadonlySet<string> = new Set();
  joints = false;
  chunks = false;
  readonly #socket: WebSocket;
  readonly #circle: ClientCircle;
  readonly #budget = new MessageBudget();
  #alive = true;
  #name: string;

  constructor(number: number, socket: WebSocket, circle: ClientCircle) {
    this.number = number;
    this.#name = `client ${number}`;
    this.#socket = socket;
    this.#circle = circle;
    socket.on('pong', () => {
      this.#alive = true;
    });
    socket.on('message', (data: RawData, binary: boolean) => {
      void this.#answer(asBytes(data), binary);
    });
  }

  /** Bytes that wait to leave. */
  get backlog(): number {
    return this.#socket.bufferedAmount;
  }

  get who(): Holder {
    return { client: this.number, name: this.#name };
  }

  welcome(): void {
    this.#send({ v: API_VERSION, type: 'welcome', client: this.number, state: this.#circle.state() });
  }

  /** Ends the connection when the last heartbeat was not answered: a laptop that fell asleep must not stay in control. */
  heartbeat(): void {
    if (!this.#alive) this.#socket.terminate();
    this.#alive = false;
    this.#socket.ping();
  }

  /** A state or event as text, made once for all. Dropped for those who cannot keep up. */
  tell(text: string): void {
    if (this.#socket.bufferedAmount > STATE_BACKLOG) this.dropped += 1;
    else this.#socket.send(text);
  }

  /** One binary frame, whole or not at all. */
  stream(frame: Uint8Array): void {
    if (this.#socket.bufferedAmount > FRAME_BACKLOG) this.dropped += 1;
    else this.#socket.send(frame);
  }

  refuse(error: AlohadError): void {
    const { name, message } = error;
    this.#send({ v: API_VERSION, type: 'refused', error: { name, message } });
  }

  async #answer(bytes: Uint8Array, binary: boolean): Promise<void> {
    let id = undefined;
    try {
      if (binary) throw new MessageError('commands are text; binary messages are not read');
      const within = this.#budget.spend();
      id = within ? idOf(bytes) : undefined;
      // An emergency stop is looked for before anything is refused for its number.
      const command = parseCommand(bytes);
      if (!within && command.type !== 'emergency_stop') {
        throw new TooManyMessagesError('too many messages; send fewer than 100 in a second');
      }
      const result = await this.#carryOut(command);
      this.#send({
        v: API_VERSION,
        type: 'ok',
        ...(id !== undefined && { id }),
        ...(result !== undefined && { result }),
        ...(command.type === 'state' && { state: this.#circle.state() }),
      });
    } catch (error) {
      if (!(error instanceof AlohadError)) this.#circle.unexpected(error);
      const { name, message } =
        error instanceof AlohadError
          ? error
          : { name: 'UnexpectedError', message: 'a fault of the daemon; its log tells more' };
      this.#send({
        v: API_VERSION,
        type: 'refused',
        ...(id !== undefined && { id }),
        error: { name, message },
      });
    }
  }

  // oxlint-disable-next-line typescript/promise-function-async
  #carryOut(command: Command): unknown {
    const { daemon, control } = this.#circle;
    if (CONTROLLING.includes(command.type)) this.#requireControl();
    switch (command.type) {
      case 'hello':
        this.#name = command.name;
        if (control.holder?.client === this.number) control.take(this.who, false);
        this.#circle.changed();
        return undefined;
      case 'ping':
      case 'state':
        return undefined;
      case 'subscribe':
        this.cameras = new Set(command.cameras);
        this.joints = command.joints;
        this.chunks = command.chunks;
        this.#circle.changed();
        return undefined;
      case 'take_control': {
        const before = control.take(this.who, command.force);
        if (before) this.#circle.announce('warn', `${this.#name} took control from ${before.name}`);
        this.#circle.changed();
        return undefined;
      }
      case 'release_control':
        if (control.release(this.number)) this.#circle.changed();
        return undefined;
      case 'emergency_stop':
        daemon.emergencyStop(this.#name);
        return undefined;
      case 'mode':
      case 'move':
      case 'backend':
      case 'reboot':
      case 'limit':
      case 'take':
      case 'clear_emergency_stop':
      case 'episodes':
      case 'label':
        return daemon.carryOut(command, this.#name);
      default:
        return command satisfies never;
    }
  }

  #requireControl(): void {
    const { control } = this.#circle;
    const free = control.holder === undefined;
    control.require(this.who);
    if (free) this.#circle.changed();
  }

  #send(message: ServerMessage): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > HOPELESS_BACKLOG) this.#socket.terminate();
    else this.#socket.send(JSON.stringify(message));
  }
}

/** A message of ws, in whichever form it came. */
export function asBytes(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}
