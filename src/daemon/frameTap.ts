/** Takes pictures for people while an episode runs: a listener that posts views to the main thread. */
import { imageBytes, type ImageSource } from '../contract/camera.js';
import type { Step, StepListener } from '../contract/step.js';
import type { ControlMessage, View } from './controlJob.js';

export class FrameTap implements StepListener {
  readonly #images: ImageSource;
  readonly #views: readonly View[];
  readonly #episode: number;
  readonly #lastStep: number;
  readonly #post: (message: ControlMessage, transfer: ArrayBuffer[]) => void;

  constructor(
    images: ImageSource,
    views: readonly View[],
    episode: number,
    steps: number,
    post: (message: ControlMessage, transfer: ArrayBuffer[]) => void,
  ) {
    this.#images = images;
    this.#views = views;
    this.#episode = episode;
    this.#lastStep = steps - 1;
    this.#post = post;
  }

  onStep({ observation: { step }, reward }: Step): void {
    for (const { name, at, requests } of this.#views) {
      const due = typeof at === 'number' ? step % at === 0 || step === this.#lastStep : at.includes(step);
      if (!due) continue;
      const images = requests.map((request) => {
        const rgb = new Uint8Array(imageBytes(request));
        this.#images.capture(request, rgb);
        return rgb;
      });
      this.#post(
        { kind: 'frame', episode: this.#episode, step, view: name, images, reward },
        images.map(({ buffer }) => buffer),
      );
    }
  }
}
