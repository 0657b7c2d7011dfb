/** A Unix socket through which a running emulator is told things: one command a line, answered by `ok ...` or `error: ...`. */
import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { AlohadError } from '../../contract/errors.js';

export interface ControlSocket {
  readonly path: string;
  /** Safe to call twice. */
  close(): void;
}

/** @param act obeys a line and returns what is to be said, if anything; named errors it throws are answers */
export async function openControlSocket(
  path: string,
  act: (line: string) => string | undefined,
): Promise<ControlSocket> {
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    createInterface(socket).on('line', (line) => {
      try {
        const said = act(line);
        socket.write(said === undefined ? 'ok\n' : `ok ${said}\n`);
      } catch (error) {
        if (!(error instanceof AlohadError)) throw error;
        socket.write(`error: ${error.message}\n`);
      }
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return {
    path,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      rmSync(path, { force: true });
    },
  };
}
