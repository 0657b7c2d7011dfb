/** Shows the daemon's state: chips, buttons, scoreboard, timing, learning curves, process tree. */
import type { ServedState } from '../../contract/apiState.js';
import { canvas, element, make, row } from './elements.js';
import { ink, Plot } from './plot.js';

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
const ms = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;

function chip(id: string, text: string, kind: '' | 'good' | 'bad' = ''): void {
  element(id).textContent = text;
  element(id).className = `chip ${kind}`;
}

export class StateView {
  readonly #interval = new Plot(canvas('interval'));
  readonly #histogram = new Plot(canvas('histogram'));
  readonly #learning = new Plot(canvas('learning'));
  readonly #choose: (kind: 'mode' | 'backend', name: string) => void;

  constructor(choose: (kind: 'mode' | 'backend', name: string) => void) {
    this.#choose = choose;
  }

  lost(reason: string): void {
    chip('link', 'not connected', 'bad');
    element('line').textContent =
      `the daemon does not answer${reason === '' ? '' : ` (${reason})`}; trying again`;
    element('line').className = 'warn';
  }

  /** @param client this page's number at the daemon */
  show(state: ServedState, client: number): void {
    const { arms, backend, control, emergencyStop, line, changing } = state;
    chip('link', `${backend} · ${state.task}`, 'good');
    chip(
      'arms',
      `arms ${arms}`,
      arms === 'faulted' || arms === 'lost' ? 'bad' : arms === 'active' ? 'good' : '',
    );
    const mine = control?.client === client;
    chip(
      'control',
      control ? (mine ? 'you are in control' : `${control.name} is in control`) : 'nobody is in control',
    );
    element('take').hidden = mine || !control;
    element('stop').textContent = emergencyStop ? 'CLEAR STOP' : 'STOP';
    element('stop').classList.toggle('on', emergencyStop !== null);
    element('line').textContent = line;
    element('line').className = emergencyStop || line.startsWith('refused') ? 'warn' : '';
    this.#buttons('mode', state.modes, state.mode, changing);
    this.#buttons('backend', state.backends, backend, changing);
    this.#score(state);
    this.#timing(state);
    this.#curves(state);
  }

  #buttons(
    kind: 'mode' | 'backend',
    choices: readonly { readonly name: string; readonly unavailable?: string }[],
    current: string,
    changing: boolean,
  ): void {
    const place = element(`${kind}s`);
    if (place.childElementCount === 0) {
      place.append(
        ...choices.map(({ name }) => {
          const button = make('button', name);
          button.type = 'button';
          button.addEventListener('click', () => {
            this.#choose(kind, name);
          });
          return button;
        }),
      );
    }
    choices.forEach(({ name, unavailable }, i) => {
      const button = place.children[i];
      if (!(button instanceof HTMLButtonElement)) return;
      button.disabled = changing || unavailable !== undefined;
      button.title = unavailable ?? '';
      button.setAttribute('aria-pressed', String(name === current));
    });
  }

  #score({ run }: ServedState): void {
    element('source').textContent = run?.source.split('/').at(-1) ?? '';
    element('score').textContent = run
      ? `${run.successes} of ${run.done} succeeded${run.done > 0 ? `, ${percent(run.successes / run.done)}` : ''}`
      : 'no run yet';
    element('dots').replaceChildren(
      ...Array.from({ length: Math.min(run?.wanted ?? 0, 250) }, (_, i) => {
        const episode = run?.episodes[i];
        const dot = make('i', '', episode ? (episode.success ? 'good' : 'bad') : '');
        if (episode) dot.title = `seed ${episode.seed}: reward ${episode.maxReward}`;
        return dot;
      }),
    );
    const plot = this.#interval;
    plot.begin({ from: 0, to: 1 }, { from: 0, to: 1 }, { x: [0, 0.5, 1].map((v) => [v, percent(v)]) });
    plot.bar({ from: 0, to: 1 }, { from: 0.3, to: 0.7 }, ink('--rule'));
    if (!run || run.done === 0) return;
    const [low, high] = run.wilson95;
    plot.bar({ from: low, to: high }, { from: 0.1, to: 0.9 }, ink('--good'), 0.45);
    const rate = run.successes / run.done;
    plot.bar({ from: rate - 0.003, to: rate + 0.003 }, { from: 0, to: 1 }, ink('--good'));
  }

  #timing({ loop, children }: ServedState): void {
    const { late, busy, latency, missed, ticks, stopping } = loop;
    element('timing').textContent =
      `late p50 ${ms(late.p50Ms)}, p99 ${ms(late.p99Ms)}, max ${ms(late.maxMs)}; ${missed} of ${ticks} missed; ` +
      `work p99 ${ms(busy.p99Ms)}` +
      (latency.count > 0 ? `; inference p50 ${ms(latency.p50Ms)}, p99 ${ms(latency.p99Ms)}` : '') +
      (stopping.count > 0 ? `; stop ${ms(stopping.maxMs)}` : '');
    const most = Math.max(1, ...loop.lateHistogram.map(([, count]) => count));
    const decades = [0.001, 0.01, 0.1, 1, 10, 100];
    this.#histogram.begin(
      { from: -3.1, to: 2.3 },
      { from: 0, to: Math.log10(most + 1) * 1.05 },
      { x: decades.map((v) => [Math.log10(v), `${v} ms`]), y: [[Math.log10(most + 1), String(most)]] },
    );
    for (const [upper, count] of loop.lateHistogram) {
      const at = Math.log10(upper);
      this.#histogram.bar(
        { from: at - 0.019, to: at },
        { from: 0, to: Math.log10(count + 1) },
        ink(upper > 20 ? '--bad' : '--left'),
      );
    }
    element('children').replaceChildren(
      ...children.map(({ name, state, deaths, pid, lastError }) => {
        const made = row(
          name,
          state,
          deaths > 0 ? `died ${deaths} times: ${lastError ?? ''}` : (pid?.toString() ?? ''),
        );
        made.children[1]!.className =
          state === 'running' ? 'good' : state === 'waiting to restart' ? 'bad' : '';
        return made;
      }),
    );
  }

  #curves({ learning }: ServedState): void {
    element('learned').textContent = learning
      ? `${learning.folder}: ${learning.rollouts} roll-outs`
      : 'no fine-tuning since the daemon started';
    const first = Math.max(0, (learning?.rollouts ?? 0) - (learning?.success.length ?? 0));
    const last = Math.max(first + 10, learning?.rollouts ?? 10);
    const plot = this.#learning;
    plot.begin(
      { from: first, to: last },
      { from: 0, to: 1.03 },
      {
        x: [
          [first, String(first)],
          [last, `${last}`],
        ],
        y: [0, 0.5, 1].map((v) => [v, percent(v)]),
      },
    );
    if (!learning) return;
    plot.line(
      learning.success.map((share, i): [number, number] => [first + i + 1, share]),
      ink('--left'),
      1.5,
      0.8,
    );
    const width = (last - first) * 0.006;
    for (const { rollouts, successes, episodes, wilson95, promoted } of learning.evaluations) {
      const shade = ink(promoted ? '--good' : '--faint');
      const at = { from: rollouts - width, to: rollouts + width };
      plot.bar(at, { from: wilson95[0], to: wilson95[1] }, shade, 0.5);
      const rate = successes / episodes;
      plot.bar(at, { from: rate - 0.01, to: rate + 0.01 }, shade);
    }
  }
}
