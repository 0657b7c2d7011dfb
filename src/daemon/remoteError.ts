/** Errors that cross threads keep their names. */
import { AlohadError, EXIT } from '../contract/errors.js';

/** An error that came from another thread, under its own name. */
export class RemoteError extends AlohadError {
  override readonly exitCode: number;
  constructor(name: string, message: string, exitCode: number) {
    super(message);
    this.name = name;
    this.exitCode = exitCode;
  }
}

/** A thread's last message when its job failed. */
export interface FailedMessage {
  readonly kind: 'failed';
  readonly name: string;
  readonly message: string;
  readonly exitCode: number;
}

export function failedMessage(error: unknown): FailedMessage {
  if (error instanceof AlohadError)
    return { kind: 'failed', name: error.name, message: error.message, exitCode: error.exitCode };
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { kind: 'failed', name: 'UnexpectedError', message, exitCode: EXIT.failed };
}
