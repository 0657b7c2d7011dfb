/** PNG files: writing (still and animated) with Node's own zlib, reading with fast-png. */
import { crc32, deflateSync } from 'node:zlib';
import { decode } from 'fast-png';
import type { Image } from './image.js';

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** The picture as a PNG file. */
export function encodePng(image: Image): Uint8Array {
  return Buffer.concat([SIGNATURE, header(image), chunk('IDAT', compress(image)), chunk('IEND')]);
}

/**
 * Pictures of one size as an animated PNG that repeats for ever; programs that know no animation show the first one.
 * Throws RangeError without pictures or when their sizes differ.
 */
export function encodeAnimatedPng(frames: readonly Image[], framesPerSecond: number): Uint8Array {
  const [first] = frames;
  if (first === undefined) throw new RangeError('an animation needs at least one picture');
  const parts = [SIGNATURE, header(first), chunk('acTL', words(frames.length, 0))];
  let sequence = 0;
  for (const frame of frames) {
    if (frame.width !== first.width || frame.height !== first.height) {
      throw new RangeError(
        `pictures of an animation have one size, got ${first.width} x ${first.height} and ${frame.width} x ${frame.height}`,
      );
    }
    const control = Buffer.alloc(26); // frame shown from (0, 0), replacing what was there
    control.set(words(sequence++, frame.width, frame.height, 0, 0));
    control.writeUInt16BE(1000, 20);
    control.writeUInt16BE(Math.round(framesPerSecond * 1000), 22);
    parts.push(chunk('fcTL', control));
    const pixels = compress(frame);
    parts.push(
      frame === first ? chunk('IDAT', pixels) : chunk('fdAT', Buffer.concat([words(sequence++), pixels])),
    );
  }
  return Buffer.concat([...parts, chunk('IEND')]);
}

/** Reads a PNG file of 8 bits per channel: grey, RGB or RGBA (transparency is dropped). */
export function decodePng(bytes: Uint8Array): Image {
  const { width, height, data, channels, depth } = decode(bytes);
  if (depth !== 8) throw new RangeError(`this PNG has ${depth} bits per channel; only 8 can be read`);
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    for (let k = 0; k < 3; k++) rgb[3 * i + k] = data[channels * i + (channels < 3 ? 0 : k)] ?? 0;
  }
  return { width, height, rgb };
}

function header({ width, height }: Image): Uint8Array {
  // 8 bits per channel, RGB, no interlacing.
  return chunk('IHDR', Buffer.concat([words(width, height), Uint8Array.of(8, 2, 0, 0, 0)]));
}

/** The pixels, each row preceded by its filter: the difference to the row above, which suits rendered pictures. */
function compress({ width, height, rgb }: Image): Uint8Array {
  const stride = 3 * width;
  const rows = new Uint8Array((stride + 1) * height);
  for (let row = 0; row < height; row++) {
    const to = row * (stride + 1);
    const from = row * stride;
    rows[to] = 2;
    for (let i = 0; i < stride; i++) {
      rows[to + 1 + i] = (rgb[from + i] ?? 0) - (row === 0 ? 0 : (rgb[from - stride + i] ?? 0));
    }
  }
  return deflateSync(rows, { level: 6 });
}

/** Big-endian 32-bit numbers. */
function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => bytes.writeUInt32BE(value, 4 * i));
  return bytes;
}

function chunk(type: string, content: Uint8Array = new Uint8Array()): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  return Buffer.concat([words(content.length), body, words(crc32(body))]);
}
