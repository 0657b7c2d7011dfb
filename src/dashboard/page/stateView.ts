/** Shows the daemon's state: chips, buttons, scoreboard, timing, learning curves, process tree. */
import type { ServedState } from '../../contract/apiState.js';
import { button, canvas, element, input, make, row } from './elements.js';
import { ink, Plot } from './plot.js';
import { ServoView } from './servoView.js';

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
const ms = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;

/** Bars of the histogram per decade. */
const BARS = 8;
/** A tick later than this is missed: log10 of 20 ms. */
const LATE = Math.log10(20);

/** Of episodes: how their dots look. */
const VERDICTS = new Map<unknown, string>([
  [true, 'good'],
  [false, 'bad'],
  [null, 'open'],
]);

function chip(id: string, text: string, kind: '' | 'good' | 'bad' = ''): void {
  element(id).textContent = text;
  element(id).className = `chip ${kind}`;
}

/** Of a run of which no verdict is known. */
function unjudged(run: ServedState['run'], mode: ServedState['mode']): string {
  if (!run) return 'no run yet';
  if (run.done > 0) return 'nobody has judged';
  return mode === 'idle' ? 'no episode was played to its end' : 'the first episode runs';
}

export class StateView {
  readonly #interval = new Plot(canvas('interval'));
  readonly #histogram = new Plot(canvas('histogram'));
  readonly #learning = new Plot(canvas('learning'));
  readonly #servos = new ServoView();
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
    element('stop').textContent = emergencyStop ? 'STOPPED' : 'STOP';
    element('clear').hidden = emergencyStop === null;
    element('stop').classList.toggle('on', emergencyStop !== null);
    element('line').textContent = line;
    element('line').className = emergencyStop || line.startsWith('refused') ? 'warn' : '';
    this.#buttons('mode', state.modes, state.mode, changing);
    this.#buttons('backend', state.backends, backend, changing);
    // What a person is writing is theirs until they leave it.
    const velocity = input('velocity');
    if (document.activeElement !== velocity) velocity.value = state.velocityRadPerS.toFixed(2);
    this.#score(state);
    this.#timing(state);
    this.#curves(state);
    this.#servos.show(state);
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
        ...choices.map(({ name }) =>
          button(name, () => {
            this.#choose(kind, name);
          }),
        ),
      );
    }
    choices.forEach(({ name, unavailable }, i) => {
      const made = place.children[i];
      if (!(made instanceof HTMLButtonElement)) return;
      made.disabled = changing || unavailable !== undefined;
      made.title = unavailable ?? '';
      made.setAttribute('aria-pressed', String(name === current));
    });
  }

  #score({ run, mode }: ServedState): void {
    element('take-said').hidden = !['record', 'trial', 'replay'].includes(mode);
    element('source').textContent = run?.source.split('/').at(-1) ?? '';
    const known = run !== null && run.judged > 0;
    element('score').textContent = known
      ? `${percent(run.successes / run.judged)} succeeded`
      : unjudged(run, mode);
    const [low, high] = run?.wilson95 ?? [0, 1];
    element('scored').textContent = known
      ? `${run.successes} of ${run.judged} episodes (${run.wanted} wanted); 95 % interval ${percent(low)} to ${percent(high)}`
      : run && run.done > 0
        ? `${run.done} of ${run.wanted} episodes: nothing gives rewards here; recorded ones can be labelled`
        : '';
    element('dots').replaceChildren(
      ...Array.from({ length: Math.min(run?.wanted ?? 0, 250) }, (_, i) => {
        const episode = run?.episodes[i];
        const dot = make('i', '', VERDICTS.get(episode?.success) ?? '');
        if (episode) dot.title = `seed ${episode.seed}: reward ${episode.maxReward}`;
        return dot;
      }),
    );
    const plot = this.#interval;
    plot.begin(
      { from: 0, to: 1 },
      { from: 0, to: 1 },
      { x: [0, 0.25, 0.5, 0.75, 1].map((v) => [v, percent(v)]) },
    );
    plot.bar({ from: 0, to: 1 }, { from: 0.3, to: 0.7 }, ink('--rule'));
    if (!known) return;
    plot.bar({ from: low, to: high }, { from: 0.1, to: 0.9 }, ink('--good'), 0.45);
    const rate = run.successes / run.judged;
    plot.bar({ from: rate - 0.003, to: rate + 0.003 }, { from: 0, to: 1 }, ink('--good'));
  }

  #timing({ loop, children }: ServedState): void {
    const { late, busy, latency, missed, ticks, stopping } = loop;
    element('ticks').textContent = `how late ticks begin; ${missed} of ${ticks} missed`;
    const header = make('tr');
    header.append(...['', 'p50', 'p99', 'longest'].map((title) => make('th', title)));
    element('timing').replaceChildren(
      header,
      ...(
        [
          ['late', late],
          ['work of a tick', busy],
          ['inference', latency],
          ['emergency stop', stopping],
        ] as const
      )
        .filter(([, { count }]) => count > 0)
        .map(([name, { p50Ms, p99Ms, maxMs }]) => row(name, ms(p50Ms), ms(p99Ms), ms(maxMs))),
    );
    const bars = new Map<number, number>();
    for (const [upper, count] of loop.lateHistogram) {
      const bar = Math.floor(Math.log10(upper) * BARS + 1e-9);
      bars.set(bar, (bars.get(bar) ?? 0) + count);
    }
    const most = Math.max(1, ...bars.values());
    const decades = [0.001, 0.01, 0.1, 1, 10, 100];
    this.#histogram.begin(
      { from: -3.1, to: 2.3 },
      { from: 0, to: Math.log10(most + 1) * 1.05 },
      {
        x: decades.map((v) => [Math.log10(v), `${v} ms`]),
        y: [1, 10, 100, 1e3, 1e4, 1e5, 1e6]
          .filter((v) => v <= most)
          .map((v) => [Math.log10(v + 1), v < 1000 ? String(v) : `${v / 1000} k`]),
      },
    );
    for (const [bar, count] of bars) {
      this.#histogram.bar(
        { from: (bar + 0.08) / BARS, to: (bar + 0.92) / BARS },
        { from: 0, to: Math.log10(count + 1) },
        ink(bar / BARS >= LATE ? '--bad' : '--left'),
      );
    }
    element('children').replaceChildren(
      ...children.map(({ name, state, deaths, pid, lastError }) => {
        const made = row(
          name,
          state,
          deaths > 0
            ? `died ${deaths === 1 ? 'once' : `${deaths} times`}: ${lastError ?? ''}`
            : pid === undefined
              ? 'thread'
              : `process ${pid}`,
        );
        made.children[1]!.className =
          state === 'running' ? 'good' : state === 'waiting to restart' ? 'bad' : '';
        return made;
      }),
    );
  }

  #curves({ learning }: ServedState): void {
    element('learned').textContent = learning ? learning.folder : 'no fine-tuning since the daemon started';
    const newest = learning?.evaluations.at(-1);
    element('learnedFacts').textContent = learning
      ? `${learning.rollouts} roll-outs; line: share of success over the last 20` +
        (newest
          ? `; bars: evaluations with 95 % interval, the last ${newest.successes} of ${newest.episodes}`
          : '; no evaluation yet')
      : '';
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
