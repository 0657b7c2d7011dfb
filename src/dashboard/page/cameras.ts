/** Live images: the newest one of each camera; what the browser cannot decode in time is skipped. */
import type { DaemonState } from '../../contract/apiState.js';
import type { StreamFrame } from '../../contract/apiFrames.js';
import { element, make } from './elements.js';

interface View {
  readonly name: string;
  readonly image: HTMLImageElement;
  readonly fault: HTMLElement;
  readonly rate: HTMLElement;
  busy: boolean;
  shown: number;
}

export class Cameras {
  #names = '';
  #views: View[] = [];

  /** Makes room for these cameras. */
  arrange(names: readonly string[]): void {
    if (names.join() === this.#names) return;
    this.#names = names.join();
    this.#views = names.map((name) => {
      const figure = make('figure');
      const image = make('img');
      image.alt = ''; // The caption names it.
      const caption = make('figcaption');
      const rate = make('span');
      const fault = make('span');
      fault.className = 'fault';
      caption.append(make('span', name), fault, rate);
      figure.append(image, caption);
      element('cameras').append(figure);
      return { name, image, fault, rate, busy: false, shown: 0 };
    });
    element('cameras').replaceChildren(...this.#views.map(({ image }) => image.parentElement!));
  }

  show({ camera, jpeg }: Extract<StreamFrame, { kind: 'camera' }>): void {
    const view = this.#views[camera];
    if (!view || view.busy) return;
    view.busy = true;
    const url = URL.createObjectURL(new Blob([jpeg], { type: 'image/jpeg' }));
    view.image.src = url;
    void view.image
      .decode()
      .catch(() => {}) // A broken image is one frame less.
      .then(() => {
        URL.revokeObjectURL(url);
        view.busy = false;
        view.shown += 1;
      });
  }

  /** Names what is wrong with real cameras; the others are drawn, and fine. */
  judge(webcams: DaemonState['webcams']): void {
    for (const view of this.#views) {
      const webcam = webcams.find(({ camera }) => camera === view.name);
      const isFine = webcam === undefined || webcam.state === 'live';
      view.fault.textContent = isFine ? '' : webcam.state;
      view.fault.title = isFine ? '' : webcam.message;
    }
  }

  /** Called once a second. */
  countRates(): void {
    for (const view of this.#views) {
      view.rate.textContent = `${view.shown} /s`;
      view.shown = 0;
    }
  }
}
