/**
 * All that alohad wants of ROS 2. It is not a client library: types are named as `pkg/msg/Name` or `pkg/srv/Name`,
 * messages are plain objects with the fields of their definition, and delivery is best effort.
 */
import { AlohadError } from '../contract/errors.js';

/** ROS 2 is not sourced, or its client library does not load. */
export class RosUnavailableError extends AlohadError {}
/** Nobody answered, or what they answered is not what the type says. */
export class RosPeerError extends AlohadError {}

export type RosMessage = Readonly<Record<string, unknown>>;

export interface RosTime {
  readonly sec: number;
  readonly nanosec: number;
}

/** Depth 10 as the ALOHA stack; `sensor` may lose messages, `latched` is told to who comes late. */
export type RosQuality = 'reliable' | 'sensor' | 'latched';

export interface RosPort {
  /** Whether messages of this type can be made here: `interbotix_xs_msgs` often is not installed. */
  hasType(type: string): boolean;
  /** Wall clock, as stamps want it. */
  now(): RosTime;
  /** Returns what publishes. */
  advertise(topic: string, type: string, quality?: RosQuality): (message: RosMessage) => void;
  /** The message is the callee's to keep. */
  subscribe(topic: string, type: string, take: (message: RosMessage) => void, quality?: RosQuality): void;
  serve(name: string, type: string, answer: (request: RosMessage) => Promise<RosMessage>): void;
  /** Throws RosPeerError when there is no answer within `patienceMs`. */
  call(name: string, type: string, request: RosMessage, patienceMs: number): Promise<RosMessage>;
  /** Safe to call twice. */
  close(): Promise<void>;
}
