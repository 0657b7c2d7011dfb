/** Ends a server and the WebSockets behind it. */
import type { Server } from 'node:http';
import type { WebSocketServer } from 'ws';

/** Clients are told why. Resolves when the port is free. */
export async function closeDoor(http: Server, sockets: WebSocketServer): Promise<void> {
  for (const socket of sockets.clients) socket.close(1001, 'the daemon ends');
  http.closeAllConnections();
  for (const socket of sockets.clients) socket.terminate();
  await new Promise<void>((resolve) => {
    http.close(() => {
      resolve();
    });
  });
}
