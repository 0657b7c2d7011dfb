/** An HTTP MJPEG camera that fails on demand. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import { picture } from './pictures.js';

export type Behaviour = 'good' | 'stalled' | 'corrupt' | 'wrong mode' | 'refused' | 'unplugged';

export class MjpegServer {
  behaviour: Behaviour = 'good';
  /** Pictures that were sent whole. */
  sent = 0;
  connections = 0;
  readonly #server: Server;
  readonly #clients = new Set<ServerResponse>();
  readonly #timer: NodeJS.Timeout;

  static async start(periodMs = 10): Promise<MjpegServer> {
    const server = new MjpegServer(periodMs);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  private constructor(periodMs: number) {
    this.#server = createServer((_, response) => {
      this.connections++;
      if (this.behaviour === 'refused') {
        response.writeHead(503).end();
        return;
      }
      if (this.behaviour === 'unplugged') {
        response.destroy();
        return;
      }
      response.writeHead(200, { 'content-type': 'multipart/x-mixed-replace; boundary=frame' });
      this.#clients.add(response);
      response.on('close', () => this.#clients.delete(response));
    });
    this.#timer = setInterval(() => this.#send(), periodMs);
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/stream`;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const client of this.#clients) client.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #send(): void {
    if (this.behaviour === 'stalled') return;
    const whole = this.behaviour === 'wrong mode' ? picture(this.sent, 48, 24) : picture(this.sent);
    for (const client of this.#clients) {
      if (this.behaviour === 'unplugged' || this.behaviour === 'refused') {
        client.destroy();
        continue;
      }
      const bytes = this.behaviour === 'corrupt' ? whole.subarray(0, whole.length / 2) : whole;
      client.write(`--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ${bytes.length}\r\n\r\n`);
      client.write(bytes);
      client.write('\r\n');
    }
    this.sent++;
  }
}
