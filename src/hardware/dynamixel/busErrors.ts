/** What can go wrong between a program and a servo. */
import { AlohadError } from '../../contract/errors.js';
import { meaningOfStatus } from './packet.js';

/** A servo did not answer in time. */
export class NoAnswerError extends AlohadError {
  readonly id: number;
  constructor(id: number, doing: string, path: string) {
    super(
      `servo ${id} on ${path} did not answer (${doing}). Is the arm powered, its cable chain whole, ` +
        `and the baud rate the same on both sides?`,
    );
    this.id = id;
  }
}

/** A servo refused an instruction. */
export class ServoRefusedError extends AlohadError {
  readonly id: number;
  /** Error number of the status packet, one of STATUS_ERROR. */
  readonly error: number;
  constructor(id: number, error: number, doing: string, path: string) {
    super(`servo ${id} on ${path} refused (${doing}): ${meaningOfStatus(error)}`);
    this.id = id;
    this.error = error;
  }
}
