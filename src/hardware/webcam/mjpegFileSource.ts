/** Frames of an MJPEG file, over and over, one per period, without any other program. */
import { closeSync, openSync, readSync } from 'node:fs';
import { meaningOf } from '../../contract/systemError.js';
import { monotonicMs } from '../../realtime/monotonic.js';
import { JpegSplitter, type JpegFrame } from './jpegSplitter.js';
import { fault, type CameraSpec, type RunningSource, type SourceListener } from './source.js';

const PIECE_BYTES = 64 * 1024;
/** Behind by more than so many frames, as after a suspend, the file goes on from now. */
const MOST_BEHIND = 10;

/** Whether a file is a plain sequence of JPEG files, by its name. */
export const isMjpegFile = (path: string): boolean => /\.(?:mjpe?g|jpe?g)$/i.test(path);

export function startMjpegFile(spec: CameraSpec, path: string, listener: SourceListener): RunningSource {
  const periodMs = 1000 / spec.fps;
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  const stop = (): void => {
    over = true;
    clearTimeout(timer);
    reader?.close();
  };
  const end = (message: string): void => {
    if (over) return;
    stop();
    listener.onEnd(fault('unplugged', `${path}: ${message}`));
  };
  let reader: LoopedFrames | undefined;
  let dueMs = performance.now();
  const play = (): void => {
    try {
      reader ??= new LoopedFrames(path, (reason) => listener.onDamaged(reason));
      const frame = reader.next();
      if (!frame) {
        end('there is no JPEG picture in it');
        return;
      }
      listener.onFrame({ ...frame, timeMs: monotonicMs() });
    } catch (error) {
      end(meaningOf(error));
      return;
    }
    if (over) return;
    dueMs += periodMs;
    if (performance.now() - dueMs > MOST_BEHIND * periodMs) dueMs = performance.now();
    timer = setTimeout(play, Math.max(0, dueMs - performance.now()));
  };
  timer = setTimeout(play, 0);
  return { stop };
}

/** Reads a file piece by piece, and from its start again. */
class LoopedFrames {
  readonly #descriptor: number;
  readonly #piece = Buffer.alloc(PIECE_BYTES);
  readonly #splitter: JpegSplitter;
  /** Frames of the last piece that are still to be shown. */
  readonly #waiting: JpegFrame[] = [];
  #offset = 0;
  #framesOfRound = 0;
  #closed = false;

  constructor(path: string, onDamaged: (reason: string) => void) {
    this.#descriptor = openSync(path, 'r');
    this.#splitter = new JpegSplitter({
      onFrame: (frame) => {
        this.#framesOfRound++;
        this.#waiting.push({ ...frame, bytes: Uint8Array.from(frame.bytes) });
      },
      onDamaged,
    });
  }

  /** Undefined when there is none in the whole file. */
  next(): JpegFrame | undefined {
    while (this.#waiting.length === 0) {
      const length = readSync(this.#descriptor, this.#piece, 0, PIECE_BYTES, this.#offset);
      this.#offset += length;
      if (length > 0) this.#splitter.push(this.#piece.subarray(0, length), 0);
      else {
        this.#splitter.end();
        if (this.#framesOfRound === 0) return undefined;
        this.#framesOfRound = 0;
        this.#offset = 0;
      }
    }
    return this.#waiting.shift();
  }

  close(): void {
    if (!this.#closed) closeSync(this.#descriptor);
    this.#closed = true;
  }
}
