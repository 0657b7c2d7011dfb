/**
 * How well the critic knew: its judgement of roll-outs before it learned from them, over the last hundred.
 */
import type { Weight } from '../../network/actParameters.js';

export interface CriticQuality {
  /** Share of judgements whose sign is not the label's, both kinds counting equally. */
  readonly balancedError: number;
  /** Share of failures judged a success. */
  readonly overEstimation: number;
  /** Share of successes judged a failure. */
  readonly underEstimation: number;
  /** Probability that a success is judged above a failure. */
  readonly auc: number;
  /** Brier score of Q + 0.5 as a probability of success: 0 knows all, 0.25 is a coin. Source: Brier 1950. */
  readonly brier: number;
}

const OVER = 100;

export class CriticReport {
  readonly #judged: { readonly value: number; readonly label: number }[] = [];

  add(value: number, label: number): void {
    this.#judged.push({ value, label });
    if (this.#judged.length > OVER) this.#judged.shift();
  }

  /** The judgements as (n, 2) numbers, value and label, to go on from. */
  state(): Weight {
    const data = Float32Array.from(this.#judged.flatMap(({ value, label }) => [value, label]));
    return { shape: [this.#judged.length, 2], data };
  }

  load({ data }: Weight): void {
    for (let i = 0; i < data.length; i += 2) this.add(data[i]!, data[i + 1]!);
  }

  /** NaN where there was nothing of a kind. */
  get quality(): CriticQuality {
    const good = this.#judged.filter(({ label }) => label > 0);
    const bad = this.#judged.filter(({ label }) => label < 0);
    const share = (part: number, whole: number) => (whole === 0 ? Number.NaN : part / whole);
    const overEstimation = share(bad.filter(({ value }) => value > 0).length, bad.length);
    const underEstimation = share(good.filter(({ value }) => value <= 0).length, good.length);
    let above = 0;
    for (const { value } of good)
      for (const other of bad) above += value > other.value ? 1 : value === other.value ? 0.5 : 0;
    const misses = this.#judged.map(({ value, label }) => {
      const probability = Math.min(1, Math.max(0, value + 0.5));
      return (probability - (label > 0 ? 1 : 0)) ** 2;
    });
    return {
      balancedError: (overEstimation + underEstimation) / 2,
      overEstimation,
      underEstimation,
      auc: share(above, good.length * bad.length),
      brier: share(
        misses.reduce((sum, miss) => sum + miss, 0),
        misses.length,
      ),
    };
  }
}
