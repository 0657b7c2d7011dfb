/** Cutting JPEG files out of a stream: however it is cut into pieces, the same files come out. */
import { array, assert, integer, property, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JpegSplitter } from '#alohad/hardware/webcam/jpegSplitter.js';
import { picture } from './pictures.js';

const bytesOf = (...parts: readonly (Uint8Array | string)[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));

interface Split {
  readonly frames: { bytes: string; width: number; height: number; timeMs: number }[];
  readonly damaged: string[];
}

function split(pieces: readonly Uint8Array[]): Split {
  const result: Split = { frames: [], damaged: [] };
  const splitter = new JpegSplitter({
    onFrame: ({ bytes, ...facts }) =>
      result.frames.push({ bytes: Buffer.from(bytes).toString('base64'), ...facts }),
    onDamaged: (reason) => result.damaged.push(reason),
  });
  pieces.forEach((piece, index) => {
    const copy = Uint8Array.from(piece);
    splitter.push(copy, index);
    copy.fill(0xff); // Whoever keeps a borrowed piece is found out.
  });
  splitter.end();
  return result;
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const one = picture(1);
const two = picture(2, 48, 16);

/** A JPEG that carries another one as its thumbnail, as cameras' EXIF headers do. */
function withThumbnail(jpeg: Uint8Array, thumbnail: Uint8Array): Uint8Array {
  const size = thumbnail.length + 2;
  return bytesOf(
    jpeg.subarray(0, 2),
    Uint8Array.of(0xff, 0xe1, size >> 8, size & 0xff),
    thumbnail,
    jpeg.subarray(2),
  );
}

/** What an HTTP server sends: whole pictures, one broken off, one with a thumbnail, noise between them. */
const stream = bytesOf(
  '\r\n--b\r\nContent-Type: image/jpeg\r\n\r\n',
  one,
  Uint8Array.of(0xff, 0x00, 0xff, 0xff, 0xd8, 0x00),
  two,
  '\r\n--b\r\n\r\n',
  one.subarray(0, one.length - 90),
  '\r\n--b\r\n\r\n',
  withThumbnail(two, one),
  one,
);
const expected = [one, two, withThumbnail(two, one), one].map(base64);

describe('the JPEG splitter', () => {
  it('finds whole pictures with their sizes, and tells what was broken off', () => {
    const { frames, damaged } = split([stream]);
    expect(frames.map(({ bytes }) => bytes)).toEqual(expected);
    expect(frames.map(({ width, height }) => [width, height])).toEqual([
      [32, 24],
      [48, 16],
      [48, 16],
      [32, 24],
    ]);
    expect(damaged).toEqual(['another picture begins within it']);
  });

  it('finds the same wherever the stream is cut in two', () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const { frames, damaged } = split([stream.subarray(0, cut), stream.subarray(cut)]);
      expect(frames.map(({ bytes }) => bytes)).toEqual(expected);
      expect(damaged).toHaveLength(1);
    }
  });

  it('finds the same however it is cut into pieces, byte by byte included', () => {
    assert(
      property(array(integer({ min: 1, max: 200 }), { minLength: 1 }), (lengths) => {
        const pieces: Uint8Array[] = [];
        for (let at = 0, n = 0; at < stream.length; n++) {
          const length = lengths[n % lengths.length]!;
          pieces.push(stream.subarray(at, at + length));
          at += length;
        }
        expect(split(pieces).frames.map(({ bytes }) => bytes)).toEqual(expected);
      }),
      { numRuns: 50 },
    );
    expect(split(Array.from(stream, (byte) => Uint8Array.of(byte))).frames).toHaveLength(4);
  });

  it('finds whole pictures again behind any noise', () => {
    assert(
      property(uint8Array({ maxLength: 300 }), (noise) => {
        // Noise may look like the beginning of a picture and take one picture along, but no more.
        const { frames } = split([bytesOf(noise, one, two, one, two)]);
        expect(frames.map(({ bytes }) => bytes).slice(-2)).toEqual([base64(one), base64(two)]);
      }),
    );
  });

  it('gives a picture the time of the piece in which it began', () => {
    const { frames } = split([
      one.subarray(0, 100),
      bytesOf(one.subarray(100), two.subarray(0, 50)),
      two.subarray(50),
    ]);
    expect(frames.map(({ timeMs }) => timeMs)).toEqual([0, 1]);
  });

  it('does not gather without end what never becomes a picture', () => {
    const endless = bytesOf(one.subarray(0, one.length - 2), new Uint8Array(1_000_000));
    const { frames, damaged } = split([endless, new Uint8Array(1_500_000), one]);
    expect(damaged).toEqual(['a picture of more than 2097152 bytes']);
    expect(frames.map(({ bytes }) => bytes)).toEqual([base64(one)]);
  });
});
