/** How somebody who may not enter is told so. */
import type { Duplex } from 'node:stream';
import { AlohadError } from '../contract/errors.js';

/** A named error as JSON; a fault of our own is not told to strangers. */
export function refusalOf(error: unknown): string {
  const { name, message } =
    error instanceof AlohadError ? error : { name: 'UnexpectedError', message: 'a fault of the daemon' };
  return `${JSON.stringify({ error: { name, message } })}\n`;
}

/** Answers a request for a WebSocket with a refusal, and ends the connection. */
export function refuseUpgrade(
  socket: Duplex,
  status: '400 Bad Request' | '403 Forbidden',
  error: unknown,
): void {
  const body = refusalOf(error);
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\nconnection: close\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
