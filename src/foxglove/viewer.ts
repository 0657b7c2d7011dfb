/** One connected viewer: what it is subscribed to, sent without ever queueing. */
import type { RawData, WebSocket } from 'ws';
import { asBytes, FRAME_BACKLOG } from '../api/client.js';
import { MessageBudget } from '../api/messageBudget.js';
import { MessageError, TooManyMessagesError } from '../contract/apiErrors.js';
import { AlohadError } from '../contract/errors.js';
import { encodeMessage, parseRequest, STATUS, type FromServer } from './protocol.js';

export interface ViewerEvents {
  /** Whether there is such a channel. */
  readonly isOffered: (channel: number) => boolean;
  readonly onSubscribed: (channel: number) => void;
  readonly onUnsubscribed: () => void;
}

/** A viewer that reads no answers while it sends more requests is let go [bytes]. */
const HOPELESS_BACKLOG = 4 * 1024 * 1024;

export class Viewer {
  /** Messages that were dropped, as the link was too slow. */
  dropped = 0;
  readonly #socket: WebSocket;
  readonly #events: ViewerEvents;
  readonly #budget = new MessageBudget();
  /** Channel -> subscription. The protocol allows one of each. */
  readonly #subscriptions = new Map<number, number>();
  #alive = true;

  constructor(socket: WebSocket, events: ViewerEvents) {
    this.#socket = socket;
    this.#events = events;
    socket.on('pong', () => {
      this.#alive = true;
    });
    socket.on('message', (data: RawData, binary: boolean) => {
      this.#take(data, binary);
    });
  }

  /** Bytes that wait to leave. */
  get backlog(): number {
    return this.#socket.bufferedAmount;
  }

  wants(channel: number): boolean {
    return this.#subscriptions.has(channel);
  }

  /** What is not offered any more needs no end of its subscription. */
  forget(channel: number): void {
    this.#subscriptions.delete(channel);
  }

  heartbeat(): void {
    if (!this.#alive) this.#socket.terminate();
    this.#alive = false;
    this.#socket.ping();
  }

  tell(message: FromServer): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > HOPELESS_BACKLOG) this.#socket.terminate();
    else this.#socket.send(JSON.stringify(message));
  }

  /** One message of a channel, whole or not at all. */
  send(channel: number, timeNs: bigint, payload: Uint8Array): void {
    const subscription = this.#subscriptions.get(channel);
    if (subscription === undefined) return;
    if (this.#socket.bufferedAmount > FRAME_BACKLOG) this.dropped += 1;
    else this.#socket.send(encodeMessage(subscription, timeNs, payload));
  }

  #take(data: RawData, binary: boolean): void {
    try {
      if (!this.#budget.spend())
        throw new TooManyMessagesError('too many messages; send fewer than 100 in a second');
      if (binary) throw new MessageError('nothing is published to this robot, and no service is called here');
      const request = parseRequest(new TextDecoder().decode(asBytes(data)));
      if (request.op === 'subscribe')
        for (const { id, channelId } of request.subscriptions) this.#subscribe(id, channelId);
      else for (const id of request.subscriptionIds) this.#unsubscribe(id);
    } catch (error) {
      if (!(error instanceof AlohadError)) throw error;
      this.tell({ op: 'status', level: STATUS.error, message: `${error.name}: ${error.message}` });
    }
  }

  #subscribe(id: number, channel: number): void {
    if (!this.#events.isOffered(channel)) throw new MessageError(`there is no channel ${channel}`);
    if (this.#subscriptions.has(channel))
      throw new MessageError(`channel ${channel} is subscribed to already`);
    if ([...this.#subscriptions.values()].includes(id))
      throw new MessageError(`subscription ${id} is in use; take another number`);
    this.#subscriptions.set(channel, id);
    this.#events.onSubscribed(channel);
  }

  #unsubscribe(id: number): void {
    const channel = [...this.#subscriptions].find(([, subscription]) => subscription === id)?.[0];
    if (channel === undefined) throw new MessageError(`there is no subscription ${id}`);
    this.#subscriptions.delete(channel);
    this.#events.onUnsubscribed();
  }
}
