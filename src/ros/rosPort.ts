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

/** What one action does with goals. */
export interface RosAction {
  /** Why a goal is not begun; undefined when it is. */
  refuse(goal: RosMessage): string | undefined;
  /** Resolves with the outcome and the result. `cancelled` is aborted when the client asked to end it. */
  work(
    goal: RosMessage,
    tell: (feedback: RosMessage) => void,
    cancelled: AbortSignal,
  ): Promise<{ readonly outcome: 'succeeded' | 'cancelled' | 'aborted'; readonly result: RosMessage }>;
}

/** What a robot behind another driver needs of ROS 2. */
export interface RosPeer {
  /** Whether messages of this type can be made here: `interbotix_xs_msgs` often is not installed. */
  hasType(type: string): boolean;
  /** Wall clock, as stamps want it. */
  now(): RosTime;
  /** Returns what publishes. */
  advertise(topic: string, type: string, quality?: RosQuality): (message: RosMessage) => void;
  /** The message is the callee's to keep. */
  subscribe(topic: string, type: string, take: (message: RosMessage) => void, quality?: RosQuality): void;
  /** Throws RosPeerError when there is no answer within `patienceMs`. */
  call(name: string, type: string, request: RosMessage, patienceMs: number): Promise<RosMessage>;
}

export interface RosPort extends RosPeer {
  serve(name: string, type: string, answer: (request: RosMessage) => Promise<RosMessage>): void;
  /** Subscribers of a topic, in this process or another. */
  listeners(topic: string): number;
  /** An action server. One goal at a time: another is refused while one is worked on. */
  act(name: string, type: string, action: RosAction): void;
  /** Values that a launch file or command line gave to this node's parameters. */
  readonly overrides: Readonly<Record<string, unknown>>;
  /** For the log that ROS 2 collects. */
  warn(text: string): void;
  /** Safe to call twice. */
  close(): Promise<void>;
}
