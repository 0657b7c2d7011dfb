/** Roll-outs in simulated worlds, one per worker thread, all fed by one set of live weights. */
import { Worker } from 'node:worker_threads';
import { AlohadError, Interrupted } from '../contract/errors.js';
import type { ActorWeights, Branch, Rollout, RolloutSource } from '../contract/rollout.js';
import type { StartPose } from '../contract/task.js';
import { LiveWeights } from '../policy/liveWeights.js';
import { RemoteError } from './remoteError.js';
import type { RolloutAnswer, RolloutRequest, RolloutSetup } from './rolloutWorker.js';

export interface RolloutFarmOptions extends Omit<RolloutSetup, 'live'> {
  /** ONNX file of `buildLivePolicyModel`, and where its weights lie in what is published. */
  readonly model: Uint8Array;
  readonly slots: RolloutSetup['live']['slots'];
  /** Numbers in a published vector. */
  readonly weightCount: number;
  /** Worlds side by side. */
  readonly workers: number;
  /** Ends what is being played; `play` and `branch` then throw Interrupted. */
  readonly signal?: AbortSignal;
}

type Body<T> = T extends unknown ? Omit<T, 'id'> : never;

/** A thread with its world. */
interface Hand {
  readonly worker: Worker;
  readonly ready: Promise<void>;
  /** Requests that it has not answered yet. */
  readonly waiting: Map<number, { resolve: (rollout: Rollout) => void; reject: (error: Error) => void }>;
  /** Why it ended, if it did. */
  ended?: Error;
}

/** A thread ended without an answer. */
class ThreadEndedError extends AlohadError {}

export class SimRolloutFarm implements RolloutSource {
  readonly parallel: number;
  readonly #weights: LiveWeights;
  readonly #setup: RolloutSetup;
  readonly #hands: Hand[];
  readonly #signal: AbortSignal | undefined;
  readonly #stop: () => void;
  #asked = 0;
  #version = 0;

  constructor(options: RolloutFarmOptions) {
    const { rig, manifest, folder, replace, pace, model, slots, workers, signal } = options;
    this.parallel = workers;
    this.#weights = LiveWeights.allocate(options.weightCount);
    this.#signal = signal;
    const live = { model, slots, memory: this.#weights.memory };
    this.#setup = {
      rig,
      manifest,
      live,
      ...(folder !== undefined && { folder }),
      ...(pace && { pace }),
      ...(replace && { replace }),
    };
    this.#hands = Array.from({ length: workers }, () => begin(this.#setup));
    this.#stop = () => {
      for (const { worker } of this.#hands) worker.postMessage('stop');
    };
    signal?.addEventListener('abort', this.#stop);
  }

  publish({ version, weights }: ActorWeights): void {
    this.#version = version;
    this.#weights.publish(weights);
  }

  /** @param record false: not even where there is a folder for it */
  async play(starts: readonly StartPose[], record = true): Promise<Rollout[]> {
    const actorVersion = this.#version;
    return await this.#all(starts.map((start) => ({ kind: 'play', start, actorVersion, record })));
  }

  async branch(branches: readonly Branch[], keep: 'all' | 'successes' | 'none'): Promise<Rollout[]> {
    return await this.#all(branches.map((branch) => ({ kind: 'branch', branch, keep })));
  }

  async close(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#stop);
    await Promise.all(
      this.#hands.map(async ({ worker, ended }) => {
        if (ended) return;
        const exit = new Promise((resolve) => worker.once('exit', resolve));
        worker.postMessage('close');
        await exit;
      }),
    );
  }

  /** Each request goes to a world that is free. All are waited for, also when one fails. */
  async #all(requests: readonly Body<RolloutRequest>[]): Promise<Rollout[]> {
    const rollouts: Rollout[] = [];
    let next = 0;
    const results = await Promise.allSettled(
      this.#hands.map(async (_, place) => {
        while (next < requests.length) {
          const index = next++;
          rollouts[index] = await this.#ask(place, requests[index]!);
        }
      }),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    return rollouts;
  }

  /** A thread that ended is started anew; what it was at is tried once more. */
  async #ask(place: number, body: Body<RolloutRequest>): Promise<Rollout> {
    for (let again = false; ; again = true) {
      if (this.#hands[place]!.ended) this.#hands[place] = begin(this.#setup);
      const { worker, ready, waiting } = this.#hands[place]!;
      await ready;
      if (this.#signal?.aborted) throw new Interrupted('roll-outs were stopped');
      const request: RolloutRequest = { ...body, id: this.#asked++ };
      try {
        return await new Promise<Rollout>((resolve, reject) => {
          waiting.set(request.id, { resolve, reject });
          worker.postMessage(request);
        });
      } catch (error) {
        if (again || !(error instanceof ThreadEndedError)) throw error;
      }
    }
  }
}

/** A farm of the one robot there is, which is shared between training and evaluation, and cannot go back in time. */
export const oneRobot = (farm: SimRolloutFarm, record: boolean): RolloutSource => ({
  parallel: 1,
  publish: (actor) => farm.publish(actor),
  play: async (starts) => await farm.play(starts, record),
  close: async () => await farm.close(),
});

function begin(setup: RolloutSetup): Hand {
  const worker = new Worker(new URL('./rolloutWorker.js', import.meta.url), { workerData: setup });
  const waiting: Hand['waiting'] = new Map();
  const ready = new Promise<void>((resolve, reject) => {
    const end = (error: Error): void => {
      hand.ended ??= error;
      reject(error);
      for (const { reject: refuse } of waiting.values()) refuse(error);
      waiting.clear();
    };
    worker.on('message', (message: 'ready' | RolloutAnswer) => {
      if (message === 'ready') {
        resolve();
        return;
      }
      const asked = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.kind === 'rollout') asked?.resolve(message.rollout);
      else if (asked) asked.reject(errorOf(message));
      else end(errorOf(message));
    });
    worker.on('error', (cause) =>
      end(new ThreadEndedError(`a roll-out thread failed: ${cause.message}`, { cause })),
    );
    worker.on('exit', (code) => end(new ThreadEndedError(`a roll-out thread ended (${code})`)));
  });
  ready.catch(() => {}); // Thrown where it is awaited.
  const hand: Hand = { worker, ready, waiting };
  return hand;
}

function errorOf({ name, message, exitCode }: RolloutAnswer & { readonly kind: 'failed' }): Error {
  return name === Interrupted.name ? new Interrupted(message) : new RemoteError(name, message, exitCode);
}
