/** Means of losses and times between two reports, and how long a run still takes. */
import type { StepResult } from '../network/actTrainer.js';

export interface LossReport {
  /** Steps done and to do. */
  readonly step: number;
  readonly steps: number;
  /** Mean over the steps since the last report. */
  readonly losses: StepResult;
  readonly msPerStep: number;
  /** Share of the time that the optimizer waited for batches. */
  readonly waitShare: number;
  readonly remainingSeconds: number;
}

export class LossMeter {
  readonly #first: number;
  readonly #last: number;
  readonly #startedMs = performance.now();
  #count = 0;
  #sums: StepResult = { loss: 0, l1: 0, kl: 0, auxiliary: 0, gradientNorm: 0 };
  #totalMs = 0;
  #waitedMs = 0;

  constructor(first: number, last: number) {
    this.#first = first;
    this.#last = last;
  }

  add(losses: StepResult, totalMs: number, waitedMs: number): void {
    this.#sums = mapLosses((name) => this.#sums[name] + losses[name]);
    this.#count += 1;
    this.#totalMs += totalMs;
    this.#waitedMs += waitedMs;
  }

  take(step: number): LossReport {
    const sums = this.#sums;
    const count = this.#count;
    const report = {
      step,
      steps: this.#last,
      losses: mapLosses((name) => sums[name] / count),
      msPerStep: this.#totalMs / count,
      waitShare: this.#waitedMs / this.#totalMs,
      // Validations and checkpoints are in the elapsed time, so they are in the estimate, too.
      remainingSeconds:
        ((performance.now() - this.#startedMs) / 1000 / (step - this.#first)) * (this.#last - step),
    };
    this.#count = 0;
    this.#totalMs = 0;
    this.#waitedMs = 0;
    this.#sums = mapLosses(() => 0);
    return report;
  }
}

const mapLosses = (of: (name: keyof StepResult) => number): StepResult => ({
  loss: of('loss'),
  l1: of('l1'),
  kl: of('kl'),
  auxiliary: of('auxiliary'),
  gradientNorm: of('gradientNorm'),
});
