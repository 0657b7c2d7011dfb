/** JPEG through libjpeg-turbo, which comes prebuilt for Linux, macOS and Windows. */
import turbo, { type DecompressReturn } from '@julusian/jpeg-turbo';
import type { Image } from './image.js';

/** Quality that keeps edges of a rendered scene clean at about a tenth of the raw size. */
const DEFAULT_QUALITY = 90;

/** Scratch space, as the encoder wants room for the worst case. */
let space = Buffer.alloc(0);

/** The picture as a JPEG file with halved colour resolution (4:2:0), as webcams send it. */
export function encodeJpeg(
  { width, height, rgb }: Image,
  quality: number = DEFAULT_QUALITY,
): Uint8Array<ArrayBuffer> {
  const options = { format: turbo.FORMAT_RGB, width, height, subsampling: turbo.SAMP_420, quality };
  const needed = turbo.bufferSize(options);
  if (space.length < needed) space = Buffer.alloc(needed);
  return Uint8Array.from(turbo.compressSync(asBuffer(rgb), space, options));
}

/**
 * Reads a JPEG file. Throws Error when the bytes are not one, or their picture is damaged.
 * @param into the pixels are put here when they fit, and borrowed from it
 */
export function decodeJpeg(bytes: Uint8Array, into?: Buffer): Image {
  const { width, height, data } = decompress(asBuffer(bytes), into);
  return { width, height, rgb: new Uint8Array(data.buffer, data.byteOffset, width * height * 3) };
}

function decompress(bytes: Buffer, into: Buffer | undefined): DecompressReturn {
  const options = { format: turbo.FORMAT_RGB };
  if (into === undefined) return turbo.decompressSync(bytes, options);
  try {
    return turbo.decompressSync(bytes, into, options);
  } catch (error) {
    if (error instanceof Error && error.message === 'Insufficient output buffer')
      return turbo.decompressSync(bytes, options);
    throw error;
  }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
