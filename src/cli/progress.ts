/** Progress of anything over a second: one rewritten line with ETA on a terminal, plain lines elsewhere. */

import type { RunListener } from '../daemon/runListener.js';

/** Seconds as `1 h 02 min`, `3 min 05 s` or `12 s`. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s >= 3600)
    return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, '0')} min`;
  if (s >= 60) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, '0')} s`;
  return `${s} s`;
}

export class Progress implements RunListener {
  readonly #started = performance.now();
  readonly #label: string;
  readonly #stream: NodeJS.WriteStream;
  #lastLineMs = -Infinity;

  constructor(label: string, stream: NodeJS.WriteStream = process.stderr) {
    this.#label = label;
    this.#stream = stream;
  }

  /** `done` of `total`; on a terminal at most ten times a second, elsewhere a line every ten seconds. */
  onProgress(done: number, total: number, detail: string): void {
    const now = performance.now();
    const finished = done >= total;
    const period = this.#stream.isTTY ? 100 : 10_000;
    if (!finished && now - this.#lastLineMs < period) return;
    this.#lastLineMs = now;
    const elapsed = (now - this.#started) / 1000;
    const eta = done > 0 && !finished ? `, ${duration((elapsed / done) * (total - done))} left` : '';
    const percent = total > 0 ? Math.floor((100 * done) / total) : 100;
    this.#write(`${this.#label} ${percent} % (${duration(elapsed)}${eta}) ${detail}`);
    if (finished && this.#stream.isTTY) this.#stream.write('\n');
  }

  /** Prints a lasting line above the progress line. */
  onLine(text: string): void {
    this.#stream.write(this.#stream.isTTY ? `\r\x1b[K${text}\n` : `${text}\n`);
  }

  #write(text: string): void {
    this.#stream.write(
      this.#stream.isTTY ? `\r\x1b[K${text.slice(0, this.#stream.columns - 1)}` : `${text}\n`,
    );
  }
}
