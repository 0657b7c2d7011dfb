/** What a person would see of the world behind emulated servos: a page with cameras and reward, cameras as webcams. */
import { MAX_REWARD } from '../../contract/task.js';
import { WatchServer } from '../../dashboard/watchServer.js';
import { startView, type ViewChild } from '../serve/viewChild.js';
import type { WorldEmulator } from './worldEmulator.js';
import { WorldMirror } from './worldMirror.js';

/** Webcams of an ALOHA: 640x480, 30 frames a second. A policy may look through them. */
const WEBCAM = { width: 640, height: 480, periodMs: 33, yields: false } as const;
/** How often the reward is looked at [ms]. */
const LOOK_MS = 20;

export interface Rewarded {
  readonly reward: number;
  /** Since the objects were put back. */
  readonly most: number;
}

export class WorldWindow {
  readonly #mirror: WorldMirror;
  readonly #timer: NodeJS.Timeout;
  #server: WatchServer | undefined;
  #view: ViewChild | undefined;
  #rewarded: Rewarded = { reward: 0, most: 0 };

  /** @param onReward hears every change of the reward. Throws SceneError. */
  static async open(
    { world, states }: WorldEmulator,
    onReward: (rewarded: Rewarded) => void,
  ): Promise<WorldWindow> {
    return new WorldWindow(await WorldMirror.load(world, states), onReward);
  }

  private constructor(mirror: WorldMirror, onReward: (rewarded: Rewarded) => void) {
    this.#mirror = mirror;
    this.#timer = setInterval(() => {
      const reward = mirror.reward();
      if (reward === this.#rewarded.reward) return;
      this.#rewarded = { reward, most: Math.max(reward, this.#rewarded.most) };
      this.#tell();
      onReward(this.#rewarded);
    }, LOOK_MS);
  }

  /** Serves the page at `/` and each camera's MJPEG at `/NAME`, drawn while somebody looks. Returns their URLs. Throws UsageError. */
  async serve({ world, states }: WorldEmulator, port: number): Promise<string[]> {
    const { cameras } = this.#mirror.world;
    this.#server = await WatchServer.start(cameras, port, (watched) => {
      this.#view?.tell({ kind: 'watched', cameras: watched });
    });
    this.#view = await startView(WEBCAM, ({ camera, jpeg }) => this.#server?.frame(camera, jpeg));
    this.#view.tell({ kind: 'world', view: { kind: 'sim', world, states: states.memory } });
    this.#tell();
    const { url } = this.#server;
    return [url, ...cameras.map((camera) => `${url}${camera}`)];
  }

  get rewarded(): Rewarded {
    return this.#rewarded;
  }

  /** The objects were put back. */
  forget(): void {
    this.#rewarded = { reward: 0, most: 0 };
    this.#tell();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#view?.end();
    await this.#server?.close();
    this.#mirror.dispose();
  }

  #tell(): void {
    this.#server?.state({ line: rewardLine(this.#rewarded), step: this.#rewarded.reward / MAX_REWARD });
  }
}

export const rewardLine = ({ reward, most }: Rewarded): string =>
  `reward ${reward} of ${MAX_REWARD}, ${most} at most so far`;
