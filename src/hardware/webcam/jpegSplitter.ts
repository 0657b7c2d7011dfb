/**
 * Cuts a stream of JPEG files out of bytes that come in any pieces: what webcams send, MJPEG files hold, and HTTP servers
 * put between the lines of a multipart answer.
 *
 * It follows the structure of each file (ITU-T T.81 annex B), so that a thumbnail inside a header ends nothing, and never
 * looks into the picture. A file that breaks off, or that begins anew in its middle, is told and left out.
 */

export interface JpegFrame {
  /** The file, from SOI to EOI. Borrowed: copy what you keep. */
  readonly bytes: Uint8Array;
  /** Size of the picture [px]. */
  readonly width: number;
  readonly height: number;
  /** Time given with the piece in which it began [ms]. */
  readonly timeMs: number;
}

export interface JpegListener {
  onFrame(frame: JpegFrame): void;
  /** A file that cannot be used. */
  onDamaged(reason: string): void;
}

const MARK = 0xff;
const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
/** Start of frame: SOF0 to SOF15, without DHT, JPG and DAC, which lie between. */
const isFrameHeader = (code: number): boolean =>
  code >= 0xc0 && code <= 0xcf && code !== 0xc4 && code !== 0xc8 && code !== 0xcc;
/** RST0 to RST7, and TEM: markers without a length. */
const standsAlone = (code: number): boolean => (code >= 0xd0 && code <= 0xd7) || code === 0x01;

/** Larger than what any webcam sends at 640 x 480; also bounds what a server can make us keep [bytes]. */
const MOST_BYTES = 2 * 1024 * 1024;

export class JpegSplitter {
  readonly #listener: JpegListener;
  /** The file so far, or a piece that may begin one. */
  #buffer = Buffer.alloc(256 * 1024);
  #length = 0;
  /** Where the next marker is looked for; all before is understood. */
  #at = 0;
  #state: 'between' | 'markers' | 'scan' = 'between';
  #width = 0;
  #height = 0;
  #timeMs = 0;

  constructor(listener: JpegListener) {
    this.#listener = listener;
  }

  /** @param timeMs when the piece came [ms] */
  push(piece: Uint8Array, timeMs: number): void {
    this.#append(piece);
    while (this.#advance(timeMs)) {
      // Goes on until more bytes are needed.
    }
  }

  /** The stream has ended or begins anew: a file that is not whole is damaged. */
  end(): void {
    if (this.#state !== 'between') this.#damaged('the picture breaks off');
    this.#length = 0;
    this.#at = 0;
  }

  /** One step; false when more bytes are needed for the next. */
  #advance(timeMs: number): boolean {
    switch (this.#state) {
      case 'between':
        return this.#begin(timeMs);
      case 'markers':
        return this.#marker();
      case 'scan':
        return this.#scan();
      default:
        return this.#state satisfies never;
    }
  }

  /** Looks for the start of a file: SOI, and the mark of what follows. */
  #begin(timeMs: number): boolean {
    let found = this.#find(MARK, this.#at);
    while (found >= 0 && found + 2 < this.#length) {
      if (this.#buffer[found + 1] === SOI && this.#buffer[found + 2] === MARK) break;
      found = this.#find(MARK, found + 1);
    }
    this.#drop(found < 0 ? this.#length : found);
    if (this.#length < 3) return false;
    this.#state = 'markers';
    this.#at = 2;
    this.#width = 0;
    this.#height = 0;
    this.#timeMs = timeMs;
    return true;
  }

  /** A marker and its segment; `#at` stands on the mark. */
  #marker(): boolean {
    if (this.#at + 2 > this.#length) return this.#wait();
    const code = this.#buffer[this.#at + 1]!;
    if (this.#buffer[this.#at] !== MARK) return this.#giveUp('there is no marker where one must be');
    if (code === MARK) {
      this.#at++; // A fill byte.
      return true;
    }
    if (code === EOI) return this.#finish();
    if (code === SOI) return this.#giveUp('another picture begins within it');
    if (standsAlone(code)) {
      this.#at += 2;
      return true;
    }
    if (this.#at + 4 > this.#length) return this.#wait();
    const size = this.#buffer.readUInt16BE(this.#at + 2);
    if (code === 0 || size < 2) return this.#giveUp('a segment has no length');
    if (this.#at + 2 + size > this.#length) return this.#wait();
    if (isFrameHeader(code) && size >= 8) {
      this.#height = this.#buffer.readUInt16BE(this.#at + 5);
      this.#width = this.#buffer.readUInt16BE(this.#at + 7);
    }
    this.#at += 2 + size;
    if (code === SOS) this.#state = 'scan';
    return true;
  }

  /** Compressed data: up to the next marker that is not part of them. */
  #scan(): boolean {
    for (;;) {
      const found = this.#find(MARK, this.#at);
      if (found < 0) {
        this.#at = this.#length;
        return this.#wait();
      }
      this.#at = found;
      if (found + 1 >= this.#length) return this.#wait();
      const code = this.#buffer[found + 1]!;
      if (code !== 0 && code !== MARK && !standsAlone(code)) {
        this.#state = 'markers';
        return true;
      }
      this.#at += code === MARK ? 1 : 2;
    }
  }

  #finish(): boolean {
    const end = this.#at + 2;
    if (this.#width > 0 && this.#height > 0) {
      this.#listener.onFrame({
        bytes: this.#buffer.subarray(0, end),
        width: this.#width,
        height: this.#height,
        timeMs: this.#timeMs,
      });
    } else this.#damaged('a picture without a size');
    this.#drop(end);
    this.#state = 'between';
    return true;
  }

  /** Leaves the file; the next one is looked for from where it went wrong. */
  #giveUp(reason: string): boolean {
    this.#damaged(reason);
    this.#drop(Math.max(2, this.#at));
    return true;
  }

  #wait(): false {
    if (this.#length > MOST_BYTES) this.#giveUp(`a picture of more than ${MOST_BYTES} bytes`);
    return false;
  }

  #damaged(reason: string): void {
    this.#state = 'between';
    this.#listener.onDamaged(reason);
  }

  #find(byte: number, from: number): number {
    const found = this.#buffer.indexOf(byte, from);
    return found < this.#length ? found : -1;
  }

  #append(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (needed > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(needed, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    this.#buffer.set(piece, this.#length);
    this.#length = needed;
  }

  /** Forgets the first `count` bytes. */
  #drop(count: number): void {
    if (count > 0) this.#buffer.copyWithin(0, count, this.#length);
    this.#length -= count;
    this.#at = 0;
  }
}
