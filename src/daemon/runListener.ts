/** What people are shown while something runs. */
export interface RunListener {
  /** A lasting line: a warning, an address to open. */
  onLine(line: string): void;
  /** How much of it is done; both numbers in the same unit. */
  onProgress(done: number, total: number, detail: string): void;
}
