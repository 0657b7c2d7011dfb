/**
 * What a RosRobot needs of ROS 2, from a thread or process that cannot load it: rclnodejs must have the main thread of a
 * process. Messages go through a channel to a relay there, which does what they say on its RosPort.
 */
import { RosPeerError, RosUnavailableError } from './rosPort.js';
import type { RosMessage, RosPeer, RosPort, RosQuality, RosTime } from './rosPort.js';

/** To the process that has ROS 2. Numbers identify topics and calls. */
export type ToRelay =
  | {
      readonly kind: 'advertise' | 'subscribe';
      readonly id: number;
      readonly topic: string;
      readonly type: string;
      readonly quality?: RosQuality;
    }
  | { readonly kind: 'publish'; readonly id: number; readonly message: RosMessage }
  | {
      readonly kind: 'call';
      readonly id: number;
      readonly name: string;
      readonly type: string;
      readonly request: RosMessage;
      readonly patienceMs: number;
    };

/** From there. */
export type FromRelay =
  /** First: which of TYPES there are. */
  | { readonly kind: 'ready'; readonly types: readonly string[] }
  | { readonly kind: 'unavailable'; readonly message: string }
  | { readonly kind: 'heard'; readonly id: number; readonly message: RosMessage }
  | { readonly kind: 'answered'; readonly id: number; readonly answer: RosMessage }
  | { readonly kind: 'unanswered'; readonly id: number; readonly message: string };

/**
 * Numbers as lists, which a channel of text carries. Not as typed arrays over node's binary channel ('advanced'): on
 * Node 20.20.2 joints that came that way were garbage. What is not finite arrives as null.
 */
function plain(message: RosMessage): RosMessage {
  const text = JSON.stringify(message, (_, value: unknown) =>
    value instanceof Float64Array || value instanceof Float32Array ? Array.from(value) : value,
  );
  const copy: RosMessage = JSON.parse(text);
  return copy;
}

/** Types that a RosRobot asks for. */
const TYPES = [
  'interbotix_xs_msgs/msg/JointGroupCommand',
  'interbotix_xs_msgs/msg/JointSingleCommand',
  'interbotix_xs_msgs/srv/TorqueEnable',
] as const;

/** Does what comes, on a port. Returns what takes the messages. */
export function relay(port: RosPort, send: (message: FromRelay) => void): (message: ToRelay) => void {
  const publishers = new Map<number, (message: RosMessage) => void>();
  send({ kind: 'ready', types: TYPES.filter((type) => port.hasType(type)) });
  return (asked) => {
    switch (asked.kind) {
      case 'advertise':
        publishers.set(asked.id, port.advertise(asked.topic, asked.type, asked.quality));
        return;
      case 'subscribe':
        port.subscribe(
          asked.topic,
          asked.type,
          (message) => {
            send({ kind: 'heard', id: asked.id, message: plain(message) });
          },
          asked.quality,
        );
        return;
      case 'publish':
        publishers.get(asked.id)?.(asked.message);
        return;
      case 'call':
        port.call(asked.name, asked.type, asked.request, asked.patienceMs).then(
          (answer) => {
            send({ kind: 'answered', id: asked.id, answer });
          },
          (error: unknown) => {
            send({
              kind: 'unanswered',
              id: asked.id,
              message: error instanceof Error ? error.message : String(error),
            });
          },
        );
        return;
      default:
        asked satisfies never;
    }
  };
}

interface Waiting {
  readonly resolve: (answer: RosMessage) => void;
  readonly reject: (error: Error) => void;
}

export class RelayedPeer implements RosPeer {
  readonly #send: (message: ToRelay) => void;
  readonly #ears = new Map<number, (message: RosMessage) => void>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #ready: Promise<void>;
  #settle: Waiting | undefined;
  #types: ReadonlySet<string> = new Set();
  #next = 1;

  constructor(send: (message: ToRelay) => void) {
    this.#send = send;
    this.#ready = new Promise((resolve, reject) => {
      this.#settle = { resolve: () => resolve(), reject };
    });
    this.#ready.catch(() => {});
  }

  /** Throws RosUnavailableError. Nothing else may be called before. */
  async ready(): Promise<void> {
    await this.#ready;
  }

  /** What comes from the relay. */
  take(message: FromRelay): void {
    switch (message.kind) {
      case 'ready':
        this.#types = new Set(message.types);
        this.#settle?.resolve({});
        return;
      case 'unavailable':
        this.#settle?.reject(new RosUnavailableError(message.message));
        return;
      case 'heard':
        this.#ears.get(message.id)?.(message.message);
        return;
      case 'answered':
        this.#waiting.get(message.id)?.resolve(message.answer);
        this.#waiting.delete(message.id);
        return;
      case 'unanswered':
        this.#waiting.get(message.id)?.reject(new RosPeerError(message.message));
        this.#waiting.delete(message.id);
        return;
      default:
        message satisfies never;
    }
  }

  /** The relay is gone: nothing will be answered. */
  ended(reason: string): void {
    const error = new RosUnavailableError(`the process with ROS 2 ended (${reason})`);
    this.#settle?.reject(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  hasType(type: string): boolean {
    return this.#types.has(type);
  }

  now(): RosTime {
    const ms = Date.now();
    return { sec: Math.floor(ms / 1000), nanosec: (ms % 1000) * 1_000_000 };
  }

  advertise(topic: string, type: string, quality?: RosQuality): (message: RosMessage) => void {
    const id = this.#next++;
    this.#send({ kind: 'advertise', id, topic, type, ...(quality && { quality }) });
    return (message) => {
      this.#send({ kind: 'publish', id, message: plain(message) });
    };
  }

  subscribe(topic: string, type: string, take: (message: RosMessage) => void, quality?: RosQuality): void {
    const id = this.#next++;
    this.#ears.set(id, take);
    this.#send({ kind: 'subscribe', id, topic, type, ...(quality && { quality }) });
  }

  async call(name: string, type: string, request: RosMessage, patienceMs: number): Promise<RosMessage> {
    const id = this.#next++;
    return await new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send({ kind: 'call', id, name, type, request, patienceMs });
    });
  }
}
