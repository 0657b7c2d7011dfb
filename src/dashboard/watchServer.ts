/**
 * The live window of `--watch`: one small page with the cameras and the score.
 *
 * Frames go out as MJPEG streams under the cameras' names, state as server-sent events. A slow browser loses frames, it never delays anybody:
 * a frame is dropped for a client whose last one has not left yet.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { CameraName } from '../contract/camera.js';
import { UsageError } from '../contract/errors.js';
import { watchPage } from './watchPage.js';

const BOUNDARY = 'alohad-frame';

export class WatchServer {
  readonly #server: Server;
  readonly #viewers = new Map<CameraName, Set<ServerResponse>>();
  readonly #listeners = new Set<ServerResponse>();
  #state = '{}';
  readonly #onWatched: (cameras: readonly CameraName[]) => void;

  private constructor(
    cameras: readonly CameraName[],
    onWatched: (cameras: readonly CameraName[]) => void = () => {},
  ) {
    this.#onWatched = onWatched;
    for (const camera of cameras) this.#viewers.set(camera, new Set());
    const page = watchPage(cameras);
    this.#server = createServer((request, response) => {
      const path = new URL(request.url ?? '/', 'http://localhost').pathname;
      const viewers = this.#viewers.get(path.slice(1));
      if (path === '/') {
        response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
      } else if (path === '/state') {
        response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
        response.write(`data: ${this.#state}\n\n`);
        this.#keep(this.#listeners, response);
      } else if (viewers) {
        response.writeHead(200, { 'content-type': `multipart/x-mixed-replace; boundary=${BOUNDARY}` });
        // The browser shall know that it is connected before there is a frame.
        response.flushHeaders();
        this.#keep(viewers, response);
        this.#tellWatched();
        response.on('close', () => {
          this.#tellWatched();
        });
      } else {
        response.writeHead(404).end('not found');
      }
    });
  }

  /**
   * Serves on the loopback interface. Port 0 takes a free one. Throws UsageError when the port is taken.
   * @param onWatched hears which cameras anybody looks through, whenever that may have changed
   */
  static async start(
    cameras: readonly CameraName[],
    port: number,
    onWatched?: (cameras: readonly CameraName[]) => void,
  ): Promise<WatchServer> {
    const watch = new WatchServer(cameras, onWatched);
    await new Promise<void>((resolve, reject) => {
      watch.#server.once('error', (cause) => {
        reject(
          new UsageError(
            `cannot serve the live window on port ${port}: ${cause.message}. Give another --watch PORT`,
          ),
        );
      });
      watch.#server.listen(port, '127.0.0.1', resolve);
    });
    return watch;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/`;
  }

  /** Shows a JPEG frame of `camera` to everybody who is ready for one. */
  frame(camera: CameraName, jpeg: Uint8Array): void {
    for (const viewer of this.#viewers.get(camera) ?? []) {
      if (viewer.writableNeedDrain) continue;
      viewer.write(`--${BOUNDARY}\r\ncontent-type: image/jpeg\r\ncontent-length: ${jpeg.length}\r\n\r\n`);
      viewer.write(jpeg);
      viewer.write('\r\n');
    }
  }

  /** Shows the state of the run: any JSON object; the page prints its `line`, `rate` and `step`. */
  state(value: Readonly<Record<string, unknown>>): void {
    this.#state = JSON.stringify(value);
    for (const listener of this.#listeners) {
      if (!listener.writableNeedDrain) listener.write(`data: ${this.#state}\n\n`);
    }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }

  #tellWatched(): void {
    this.#onWatched([...this.#viewers].filter(([, viewers]) => viewers.size > 0).map(([camera]) => camera));
  }

  #keep(group: Set<ServerResponse>, response: ServerResponse): void {
    group.add(response);
    response.on('close', () => group.delete(response));
  }
}
