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

interface Hand {
  readonly worker: Worker;
  readonly ready: Promise<void>;
}

export class SimRolloutFarm implements RolloutSource {
  readonly parallel: number;
  readonly #weights: LiveWeights;
  readonly #hands: Hand[];
  readonly #signal: AbortSignal | undefined;
  readonly #waiting = new Map<
    number,
    { resolve: (rollout: Rollout) => void; reject: (error: Error) => void }
  >();
  readonly #stop: () => void;
  #asked = 0;
  #version = 0;

  constructor(options: RolloutFarmOptions) {
    const { rig, manifest, folder, pace, model, slots, workers, signal } = options;
    this.parallel = workers;
    this.#weights = LiveWeights.allocate(options.weightCount);
    this.#signal = signal;
    const live = { model, slots, memory: this.#weights.memory };
    const setup: RolloutSetup = {
      rig,
      manifest,
      live,
      ...(folder !== undefined && { folder }),
      ...(pace && { pace }),
    };
    this.#hands = Array.from({ length: workers }, () => this.#start(setup));
    this.#stop = () => {
      for (const { worker } of this.#hands) worker.postMessage('stop');
    };
    signal?.addEventListener('abort', this.#stop);
  }

  publish({ version, weights }: ActorWeights): void {
    this.#version = version;
    this.#weights.publish(weights);
  }

  async play(starts: readonly StartPose[]): Promise<Rollout[]> {
    const actorVersion = this.#version;
    return await this.#all(starts.map((start) => ({ kind: 'play', start, actorVersion })));
  }

  async branch(branches: readonly Branch[], keep: 'all' | 'successes' | 'none'): Promise<Rollout[]> {
    return await this.#all(branches.map((branch) => ({ kind: 'branch', branch, keep })));
  }

  async close(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#stop);
    await Promise.all(
      this.#hands.map(({ worker }) => {
        const ended = new Promise((resolve) => worker.once('exit', resolve));
        worker.postMessage('close');
        return ended;
      }),
    );
  }

  /** Each request goes to a world that is free. All are waited for, also when one fails. */
  async #all(requests: readonly Body<RolloutRequest>[]): Promise<Rollout[]> {
    const rollouts: Rollout[] = [];
    let next = 0;
    const results = await Promise.allSettled(
      this.#hands.map(async (hand) => {
        await hand.ready;
        while (next < requests.length) {
          const index = next++;
          if (this.#signal?.aborted) throw new Interrupted('roll-outs were stopped');
          rollouts[index] = await this.#ask(hand, requests[index]!);
        }
      }),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    return rollouts;
  }

  async #ask(hand: Hand, body: Body<RolloutRequest>): Promise<Rollout> {
    const id = this.#asked++;
    const request: RolloutRequest = { ...body, id };
    return await new Promise<Rollout>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      hand.worker.postMessage(request);
    });
  }

  #start(setup: RolloutSetup): Hand {
    const worker = new Worker(new URL('./rolloutWorker.js', import.meta.url), { workerData: setup });
    const ready = new Promise<void>((resolve, reject) => {
      const end = (error: Error): void => {
        reject(error);
        for (const { reject: refuse } of this.#waiting.values()) refuse(error);
        this.#waiting.clear();
      };
      worker.on('message', (message: 'ready' | RolloutAnswer) => {
        if (message === 'ready') {
          resolve();
          return;
        }
        const error =
          message.kind === 'failed'
            ? message.name === Interrupted.name
              ? new Interrupted(message.message)
              : new RemoteError(message.name, message.message, message.exitCode)
            : undefined;
        const waiting = this.#waiting.get(message.id);
        this.#waiting.delete(message.id);
        if (message.kind === 'rollout') waiting?.resolve(message.rollout);
        else if (waiting) waiting.reject(error!);
        else end(error!);
      });
      worker.on('error', (cause) =>
        end(new AlohadError(`a roll-out thread failed: ${cause.message}`, { cause })),
      );
      worker.on('exit', (code) => end(new AlohadError(`a roll-out thread ended (${code})`)));
    });
    ready.catch(() => {}); // Thrown where it is awaited.
    return { worker, ready };
  }
}
