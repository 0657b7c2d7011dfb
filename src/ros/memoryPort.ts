/** RosPorts of one process that hear each other: what tests and demonstrations run on. Delivers synchronously. */
import {
  RosPeerError,
  type RosAction,
  type RosMessage,
  type RosPort,
  type RosQuality,
  type RosTime,
} from './rosPort.js';

interface Ear {
  readonly owner: MemoryPort;
  readonly type: string;
  readonly take: (message: RosMessage) => void;
}

interface Answerer {
  readonly owner: MemoryPort;
  readonly type: string;
  readonly answer: (request: RosMessage) => Promise<RosMessage>;
}

/** What a network is between machines. `packages` are the message packages installed there; absent: all. */
export class MemoryNetwork {
  readonly ears = new Map<string, Set<Ear>>();
  readonly answerers = new Map<string, Answerer>();
  readonly actions = new Map<string, { readonly type: string; readonly action: RosAction }>();
  readonly warnings: string[] = [];
  readonly latched = new Map<string, RosMessage>();
  readonly packages: ReadonlySet<string> | undefined;

  constructor(packages?: Iterable<string>) {
    this.packages = packages && new Set(packages);
  }

  port(): MemoryPort {
    return new MemoryPort(this);
  }
}

export class MemoryPort implements RosPort {
  readonly #network: MemoryNetwork;
  #closed = false;

  constructor(network: MemoryNetwork) {
    this.#network = network;
  }

  hasType(type: string): boolean {
    return this.#network.packages?.has(type.split('/')[0] ?? '') ?? true;
  }

  now(): RosTime {
    const ms = Date.now();
    return { sec: Math.floor(ms / 1000), nanosec: (ms % 1000) * 1_000_000 };
  }

  advertise(topic: string, type: string, quality?: RosQuality): (message: RosMessage) => void {
    return (message) => {
      if (this.#closed) return;
      if (quality === 'latched') this.#network.latched.set(keyOf(topic, type), structuredClone(message));
      for (const ear of this.#network.ears.get(topic) ?? []) {
        // As in DDS, topics of one name and different types do not meet. Listeners may keep what they are given.
        if (ear.type === type) ear.take(structuredClone(message));
      }
    };
  }

  subscribe(topic: string, type: string, take: (message: RosMessage) => void, quality?: RosQuality): void {
    const ears = this.#network.ears.get(topic) ?? new Set();
    this.#network.ears.set(topic, ears.add({ owner: this, type, take }));
    const last = this.#network.latched.get(keyOf(topic, type));
    if (quality === 'latched' && last) take(structuredClone(last));
  }

  serve(name: string, type: string, answer: (request: RosMessage) => Promise<RosMessage>): void {
    this.#network.answerers.set(name, { owner: this, type, answer });
  }

  async call(name: string, type: string, request: RosMessage, patienceMs: number): Promise<RosMessage> {
    const found = this.#network.answerers.get(name);
    if (found?.type !== type) {
      throw new RosPeerError(`no service ${name} (${type}); look with 'ros2 service list -t'`);
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new RosPeerError(`service ${name} did not answer within ${patienceMs} ms`));
      }, patienceMs);
    });
    try {
      return structuredClone(await Promise.race([found.answer(structuredClone(request)), late]));
    } finally {
      clearTimeout(timer);
    }
  }

  listeners(topic: string): number {
    return this.#network.ears.get(topic)?.size ?? 0;
  }

  act(name: string, type: string, action: RosAction): void {
    this.#network.actions.set(name, { type, action });
  }

  readonly overrides = {};

  warn(text: string): void {
    this.#network.warnings.push(text);
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const ears of this.#network.ears.values())
      for (const ear of ears) if (ear.owner === this) ears.delete(ear);
    for (const [name, { owner }] of this.#network.answerers)
      if (owner === this) this.#network.answerers.delete(name);
    return Promise.resolve();
  }
}

const keyOf = (topic: string, type: string): string => `${topic} ${type}`;
