/** The last ten seconds of joints and chunks, and their plots. */
import type { StreamFrame } from '../../contract/apiFrames.js';
import { ARM_JOINTS, DOF, JOINT_NAMES } from '../../contract/robot.js';
import { MAX_REWARD } from '../../contract/task.js';
import { canvas, element, make } from './elements.js';
import { ink, Plot, rangeOf } from './plot.js';

type Joints = Extract<StreamFrame, { kind: 'joints' }>;
type Chunk = Extract<StreamFrame, { kind: 'chunk' }>;

const SPAN_MS = 10_000;
/** Predictions that are kept: as many as can overlap in a chunk of 100 steps. */
const CHUNKS = 100;
/** Predictions that are drawn at once. */
const DRAWN = 25;
/** Steps around now that are shown of them. */
const STEPS = { before: 60, after: 100 } as const;
/** An arm's colour. */
const TINTS = ['--left', '--right'] as const;
const SECONDS: [number, string][] = [-8, -4].map((s) => [s, `${s} s`]);

function smallPlot(title: string): Plot {
  const figure = make('figure');
  const place = make('canvas');
  place.height = 110;
  figure.append(make('figcaption', title), place);
  element('joints').append(figure);
  return new Plot(place);
}

export class History {
  readonly #joints: Joints[] = [];
  readonly #chunks: Chunk[] = [];
  readonly #jointPlots: readonly Plot[];
  readonly #rewardPlot: Plot;
  readonly #chunkPlot = new Plot(canvas('chunks'));
  readonly #chosen: HTMLSelectElement;

  constructor() {
    this.#chosen = make('select');
    element('joint').replaceWith(this.#chosen);
    this.#chosen.id = 'joint';
    this.#chosen.ariaLabel = 'joint';
    JOINT_NAMES.forEach((name, joint) => {
      const option = make('option', name);
      option.value = String(joint);
      this.#chosen.append(option);
    });
    this.#chosen.value = '1';
    this.#jointPlots = ARM_JOINTS.map((name) => smallPlot(name.replace('_', ' ')));
    this.#rewardPlot = smallPlot('reward');
  }

  add(frame: Joints | Chunk): void {
    if (frame.kind === 'chunk') {
      this.#chunks.push(frame);
      if (this.#chunks.length > CHUNKS) this.#chunks.shift();
      return;
    }
    const last = this.#joints.at(-1);
    // A new episode counts its steps from 0; another daemon has another clock.
    if (last && frame.step < last.step) this.#chunks.length = 0;
    if (last && frame.timeMs < last.timeMs) this.#joints.length = 0;
    this.#joints.push(frame);
    while (frame.timeMs - this.#joints[0]!.timeMs > SPAN_MS) this.#joints.shift();
  }

  draw(): void {
    const last = this.#joints.at(-1);
    if (!last) return;
    this.#jointPlots.forEach((plot, joint) => {
      this.#drawJoint(plot, joint, last);
    });
    this.#rewardPlot.begin(
      { from: -SPAN_MS / 1000, to: 0 },
      { from: -0.3, to: MAX_REWARD + 0.3 },
      { x: SECONDS, y: [0, MAX_REWARD].map((v) => [v, String(v)]) },
    );
    this.#rewardPlot.line(
      this.#joints.map(({ timeMs, reward }): [number, number] => [(timeMs - last.timeMs) / 1000, reward]),
      ink('--good'),
    );
    this.#drawChunks(last);
  }

  /** One joint of both arms. */
  #drawJoint(plot: Plot, joint: number, { timeMs }: Joints): void {
    const curves = TINTS.flatMap((tint, arm) =>
      (['goal', 'qpos'] as const).map((column) => ({
        tint,
        column,
        points: this.#joints.map((frame): [number, number] => [
          (frame.timeMs - timeMs) / 1000,
          frame[column][arm * ARM_JOINTS.length + joint]!,
        ]),
      })),
    );
    const y = rangeOf(
      curves.flatMap(({ points }) => points.map(([, value]) => value)),
      0.4,
    );
    plot.begin({ from: -SPAN_MS / 1000, to: 0 }, y, {
      x: SECONDS,
      y: [y.from + 0.1 * (y.to - y.from), y.to - 0.1 * (y.to - y.from)].map((v) => [v, v.toFixed(2)]),
    });
    for (const { tint, column, points } of curves) {
      const told = column === 'goal';
      plot.line(points, ink(tint), told ? 0.8 : 1.6, told ? 0.5 : 0.95);
    }
  }

  /** Predictions over control steps: each line is one chunk's for this joint, the bold one what was done. */
  #drawChunks({ step: now }: Joints): void {
    const joint = Number(this.#chosen.value);
    const done = this.#joints.filter(({ step }) => step > now - STEPS.before && step <= now);
    const every = Math.ceil(this.#chunks.length / DRAWN);
    const drawn = this.#chunks.filter((_, i) => (this.#chunks.length - 1 - i) % every === 0);
    const at = ({ actions }: Chunk, row: number): number => actions[row * DOF + joint]!;
    const lines = drawn.map((chunk) =>
      Array.from({ length: chunk.rows }, (_, row): [number, number] => [
        chunk.step + row,
        at(chunk, row),
      ]).filter(([step]) => step >= now - STEPS.before && step <= now + STEPS.after),
    );
    const y = rangeOf(
      [...done.map(({ action }) => action[joint]!), ...lines.flat().map(([, value]) => value)],
      0.1,
    );
    const plot = this.#chunkPlot;
    plot.begin({ from: now - STEPS.before, to: now + STEPS.after }, y, {
      x: [-50, 0, 50].map((s) => [now + s, s === 0 ? 'now' : `${s > 0 ? '+' : ''}${s} steps`]),
      y: [0.1, 0.5, 0.9].map((part) => {
        const value = y.from + part * (y.to - y.from);
        return [value, value.toFixed(2)];
      }),
    });
    plot.bar({ from: now, to: now }, y, ink('--faint'), 0.6);
    lines.forEach((line, age) => {
      plot.line(line, ink('--left'), 1, 0.2 + (0.6 * age) / lines.length);
    });
    plot.line(
      done.map(({ step, action }): [number, number] => [step, action[joint]!]),
      ink('--right'),
      2.5,
    );
    this.#tellOverlap(
      now,
      this.#chunks.flatMap((chunk) =>
        now >= chunk.step && now < chunk.step + chunk.rows ? [at(chunk, now - chunk.step)] : [],
      ),
      done.at(-1)?.action[joint] ?? NaN,
    );
  }

  #tellOverlap(now: number, predicted: readonly number[], sent: number): void {
    element('overlap').textContent =
      predicted.length === 0
        ? 'no chunk predicts this step: nobody, or not a policy, acts'
        : `step ${now}: ${predicted.length} predictions overlap, from ${Math.min(...predicted).toFixed(3)} to ` +
          `${Math.max(...predicted).toFixed(3)}; sent ${sent.toFixed(3)}`;
  }
}
