/** A state, batch or set of weights does not fit the configuration, or training diverged. */
export class TrainingError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TrainingError';
  }
}
