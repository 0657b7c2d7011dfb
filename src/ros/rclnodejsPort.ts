/**
 * The RosPort of rclnodejs, an optional peer. It has to own the main thread of its process, and is imported only
 * after `requireRos`: where ROS is not sourced, its import deletes its own build and blocks for seconds.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { RosPeerError, RosUnavailableError } from './rosPort.js';
import type { RosAction, RosMessage, RosPort, RosQuality, RosTime } from './rosPort.js';

/** What a sourced shell has set. */
export interface RosEnvironment {
  readonly distribution: string | undefined;
  readonly amentPrefixes: readonly string[];
  readonly libraryFolders: readonly string[];
}

/** Throws RosUnavailableError unless this process can load ROS 2. Touches nothing of rclnodejs. */
export function requireRos({ distribution, amentPrefixes, libraryFolders }: RosEnvironment): void {
  const lacking =
    distribution === undefined
      ? 'ROS_DISTRO is not set'
      : amentPrefixes.length === 0
        ? 'AMENT_PREFIX_PATH is not set'
        : libraryFolders.some((folder) => existsSync(join(folder, 'librcl.so')))
          ? undefined
          : 'librcl.so is in no folder of LD_LIBRARY_PATH';
  if (lacking !== undefined) {
    throw new RosUnavailableError(
      `ROS 2 is not sourced (${lacking}). Run 'source /opt/ros/DISTRO/setup.bash' first`,
    );
  }
}

/** The part of rclnodejs 2.2 that is used; its own types need generated interfaces that exist only beside a ROS 2. */
interface Rclnodejs {
  init(): Promise<void>;
  shutdown(): void;
  require(type: string): object;
  readonly Context: { defaultContext(): object };
  readonly Node: new (
    name: string,
    namespace: string,
    context: object,
    options: { readonly startParameterServices: boolean },
  ) => RclNode;
  readonly ActionServer: new (
    node: RclNode,
    type: string,
    name: string,
    execute: (goal: RclGoal) => Promise<RosMessage>,
    accept: (goal: RosMessage) => number,
    accepted: undefined,
    cancel: () => number,
  ) => unknown;
  readonly QoS: new (history: number, depth: number, reliability: number, durability: number) => object;
}
interface RclGoal {
  readonly request: RosMessage;
  publishFeedback(feedback: RosMessage): void;
  succeed(): void;
  abort(): void;
  canceled(): void;
}
interface RclNode {
  countSubscribers(topic: string): number;
  getLogger(): { warn(text: string): void };
  getParameterOverrides(): readonly { readonly name: string; readonly value: unknown }[];
  spin(): void;
  destroy(): void;
  createPublisher(type: string, topic: string, options: object): { publish(message: RosMessage): void };
  createSubscription(
    type: string,
    topic: string,
    options: object,
    take: (message: RosMessage) => void,
  ): unknown;
  createService(
    type: string,
    name: string,
    answer: (request: RosMessage, response: { send(message: RosMessage): void }) => void,
  ): unknown;
  createClient(type: string, name: string): RclClient;
}
interface RclClient {
  waitForService(timeoutMs: number): Promise<boolean>;
  sendRequestAsync(request: RosMessage, options: { timeout: number }): Promise<RosMessage>;
}

/** rmw_qos_*_policy_t; source: rclnodejs 2.2.0 types/qos.d.ts. */
const KEEP_LAST = 1;
const RELIABILITY = { reliable: 1, sensor: 2, latched: 1 } as const;
const TRANSIENT_LOCAL = 1;
const VOLATILE = 2;
const DEPTH = 10;
/** Source: rclnodejs 2.2.0 lib/action/response.js (GoalResponse, CancelResponse). */
const GOAL = { refuse: 1, accept: 2 } as const;
const CANCEL = { refuse: 1, accept: 2 } as const;

export class RclnodejsPort implements RosPort {
  readonly #rcl: Rclnodejs;
  readonly #node: RclNode;
  readonly #clients = new Map<string, RclClient>();
  readonly #servers: unknown[] = [];
  #closed = false;

  /** Throws RosUnavailableError. */
  static async open(nodeName: string, environment: RosEnvironment): Promise<RclnodejsPort> {
    requireRos(environment);
    // A name that the compiler does not follow: the package is there only where ROS is.
    const packageName = 'rclnodejs';
    let rcl: Rclnodejs;
    try {
      const { default: loaded }: { default: Rclnodejs } = await import(packageName);
      rcl = loaded;
      await rcl.init();
    } catch (cause) {
      throw new RosUnavailableError(
        `rclnodejs does not load (${cause instanceof Error ? cause.message : String(cause)}). ` +
          `Install it with ROS 2 sourced: npm install rclnodejs@2.2.0`,
        { cause },
      );
    }
    return new RclnodejsPort(
      rcl,
      // Parameters are served by src/ros/parameters.ts.
      new rcl.Node(nodeName, '', rcl.Context.defaultContext(), { startParameterServices: false }),
    );
  }

  private constructor(rcl: Rclnodejs, node: RclNode) {
    this.#rcl = rcl;
    this.#node = node;
    node.spin();
  }

  hasType(type: string): boolean {
    try {
      this.#rcl.require(type);
      return true;
    } catch {
      return false;
    }
  }

  now(): RosTime {
    const ms = Date.now();
    return { sec: Math.floor(ms / 1000), nanosec: (ms % 1000) * 1_000_000 };
  }

  advertise(topic: string, type: string, quality: RosQuality = 'reliable'): (message: RosMessage) => void {
    const publisher = this.#node.createPublisher(type, topic, this.#options(quality));
    return (message) => {
      if (!this.#closed) publisher.publish(message);
    };
  }

  subscribe(
    topic: string,
    type: string,
    take: (message: RosMessage) => void,
    quality: RosQuality = 'reliable',
  ): void {
    this.#node.createSubscription(type, topic, this.#options(quality), take);
  }

  serve(name: string, type: string, answer: (request: RosMessage) => Promise<RosMessage>): void {
    this.#node.createService(type, name, (request, response) => {
      void answer(request).then((message) => {
        if (!this.#closed) response.send(message);
      });
    });
  }

  async call(name: string, type: string, request: RosMessage, patienceMs: number): Promise<RosMessage> {
    const key = `${name} ${type}`;
    const client = this.#clients.get(key) ?? this.#node.createClient(type, name);
    this.#clients.set(key, client);
    if (!(await client.waitForService(patienceMs))) {
      throw new RosPeerError(`no service ${name} (${type}); look with 'ros2 service list -t'`);
    }
    try {
      return await client.sendRequestAsync(request, { timeout: patienceMs });
    } catch (cause) {
      throw new RosPeerError(`service ${name} did not answer within ${patienceMs} ms`, { cause });
    }
  }

  listeners(topic: string): number {
    return this.#node.countSubscribers(topic);
  }

  act(name: string, type: string, action: RosAction): void {
    let ending: AbortController | undefined;
    const server = new this.#rcl.ActionServer(
      this.#node,
      type,
      name,
      async (goal) => {
        ending = new AbortController();
        try {
          const { outcome, result } = await action.work(
            goal.request,
            (feedback) => {
              goal.publishFeedback(feedback);
            },
            ending.signal,
          );
          if (outcome === 'succeeded') goal.succeed();
          else if (outcome === 'cancelled') goal.canceled();
          else goal.abort();
          return result;
        } finally {
          ending = undefined;
        }
      },
      (goal) => {
        const refusal = ending ? 'another goal is worked on' : action.refuse(goal);
        if (refusal !== undefined) this.warn(`${name}: ${refusal}`);
        return refusal === undefined ? GOAL.accept : GOAL.refuse;
      },
      undefined,
      () => {
        ending?.abort();
        return ending ? CANCEL.accept : CANCEL.refuse;
      },
    );
    this.#servers.push(server);
  }

  get overrides(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(this.#node.getParameterOverrides().map(({ name, value }) => [name, value]));
  }

  warn(text: string): void {
    this.#node.getLogger().warn(text);
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#node.destroy();
      this.#rcl.shutdown();
    }
    return Promise.resolve();
  }

  #options(quality: RosQuality): object {
    const durability = quality === 'latched' ? TRANSIENT_LOCAL : VOLATILE;
    return { qos: new this.#rcl.QoS(KEEP_LAST, DEPTH, RELIABILITY[quality], durability) };
  }
}
