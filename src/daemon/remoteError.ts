/** Errors that cross threads keep their names. */
import { AlohadError } from '../contract/errors.js';

/** An error that came from another thread, under its own name. */
export class RemoteError extends AlohadError {
  override readonly exitCode: number;
  constructor(name: string, message: string, exitCode: number) {
    super(message);
    this.name = name;
    this.exitCode = exitCode;
  }
}
