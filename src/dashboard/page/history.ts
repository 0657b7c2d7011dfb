/** The last ten seconds of joints and chunks, and their plots. */
import type { StreamFrame } from '../../contract/apiFrames.js';
import { DOF, JOINT_NAMES } from '../../contract/robot.js';
import { canvas, element, make } from './elements.js';
import { ink, Plot } from './plot.js';

type Joints = Extract<StreamFrame, { kind: 'joints' }>;
type Chunk = Extract<StreamFrame, { kind: 'chunk' }>;

const SPAN_MS = 10_000;
/** Predictions that are shown at once. */
const CHUNKS = 24;

export class History {
  readonly #joints: Joints[] = [];
  readonly #chunks: Chunk[] = [];
  readonly #jointPlot = new Plot(canvas('joints'));
  readonly #chunkPlot = new Plot(canvas('chunks'));
  readonly #chosen: HTMLSelectElement;

  constructor() {
    this.#chosen = make('select');
    element('joint').replaceWith(this.#chosen);
    this.#chosen.id = 'joint';
    JOINT_NAMES.forEach((name, joint) => {
      const option = make('option', name);
      option.value = String(joint);
      this.#chosen.append(option);
    });
    this.#chosen.value = '1';
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
    this.#drawJoints(last);
    this.#drawChunks(last);
  }

  #drawJoints({ timeMs }: Joints): void {
    const plot = this.#jointPlot;
    plot.begin(
      { from: -10, to: 0 },
      { from: -2.2, to: 2.2 },
      {
        x: [-8, -6, -4, -2].map((s) => [s, `${s} s`]),
        y: [-2, -1, 0, 1, 2].map((v) => [v, String(v)]),
      },
    );
    for (let joint = 0; joint < DOF; joint++) {
      const stroke = ink(joint < DOF / 2 ? '--left' : '--right');
      const at = (frame: Joints, values: Float32Array): [number, number] => [
        (frame.timeMs - timeMs) / 1000,
        values[joint]!,
      ];
      plot.line(
        this.#joints.map((frame) => at(frame, frame.goal)),
        stroke,
        0.8,
        0.45,
      );
      plot.line(
        this.#joints.map((frame) => at(frame, frame.qpos)),
        stroke,
        1.4,
        0.95,
      );
    }
  }

  /** Predictions over control steps: each line is one chunk's for this joint, the bold one what was done. */
  #drawChunks({ step: now }: Joints): void {
    const joint = Number(this.#chosen.value);
    const done = this.#joints.filter(({ step }) => step > now - 60 && step <= now);
    const values = [
      ...done.map(({ action }) => action[joint]!),
      ...this.#chunks.flatMap(({ actions, rows }) =>
        Array.from({ length: rows }, (_, i) => actions[i * DOF + joint]!),
      ),
    ];
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = Math.max(0.05, (high - low) * 0.1);
    const middle = (low + high) / 2;
    this.#chunkPlot.begin(
      { from: now - 60, to: now + 100 },
      { from: low - room, to: high + room },
      {
        x: [-50, 0, 50].map((s) => [now + s, s === 0 ? 'now' : `${s > 0 ? '+' : ''}${s} steps`]),
        y: [low, middle, high].map((v) => [v, v.toFixed(2)]),
      },
    );
    this.#chunks.forEach(({ step, rows, actions }, age) => {
      const points = Array.from({ length: rows }, (_, i): [number, number] => [
        step + i,
        actions[i * DOF + joint]!,
      ]);
      this.#chunkPlot.line(points, ink('--left'), 1, 0.15 + (0.6 * age) / CHUNKS);
    });
    this.#chunkPlot.line(
      done.map(({ step, action }): [number, number] => [step, action[joint]!]),
      ink('--right'),
      2.5,
    );
    this.#chunkPlot.bar({ from: now, to: now }, { from: low - room, to: high + room }, ink('--faint'), 0.6);
  }
}
