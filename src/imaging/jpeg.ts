/** JPEG through libjpeg-turbo, which comes prebuilt for Linux, macOS and Windows. */
import turbo from '@julusian/jpeg-turbo';
import type { Image } from './image.js';

/** Quality that keeps edges of a rendered scene clean at about a tenth of the raw size. */
const DEFAULT_QUALITY = 90;

/** Scratch space, as the encoder wants room for the worst case. */
let space = Buffer.alloc(0);

/** The picture as a JPEG file with halved colour resolution (4:2:0), as webcams send it. */
export function encodeJpeg({ width, height, rgb }: Image, quality: number = DEFAULT_QUALITY): Uint8Array {
  const options = { format: turbo.FORMAT_RGB, width, height, subsampling: turbo.SAMP_420, quality };
  const needed = turbo.bufferSize(options);
  if (space.length < needed) space = Buffer.alloc(needed);
  return Uint8Array.from(turbo.compressSync(asBuffer(rgb), space, options));
}

/** Reads a JPEG file. Throws Error when the bytes are not one. */
export function decodeJpeg(bytes: Uint8Array): Image {
  const { width, height, data } = turbo.decompressSync(asBuffer(bytes), { format: turbo.FORMAT_RGB });
  return { width, height, rgb: new Uint8Array(data.buffer, data.byteOffset, width * height * 3) };
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
