import { assert, bigInt, property, string, uint8Array } from 'fast-check';
import { expect, it } from 'vitest';
import { ImageEncoder } from '#alohad/episodes/imageEncoder.js';
import { COMPRESSED_IMAGE, rosTime } from '#alohad/episodes/rosMessages.js';

it('the image encoder makes the bytes of the message definition, whatever the names and sizes', () => {
  const encoder = new ImageEncoder();
  assert(
    property(
      bigInt({ min: 0n, max: 2_000_000_000_000_000_000n }),
      string(),
      string(),
      uint8Array({ maxLength: 300 }),
      (timeNs, frame, format, data) => {
        const image = { header: { stamp: rosTime(timeNs), frame_id: frame }, format, data };
        const written = Buffer.from(encoder.encode(image));
        expect(written).toEqual(Buffer.from(COMPRESSED_IMAGE.encode(image)));
      },
    ),
  );
});
