import { assert, property, uint8Array, integer, array, constantFrom, nat } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc16 } from '#alohad/hardware/dynamixel/crc.js';
import { INSTRUCTION, PacketWriter } from '#alohad/hardware/dynamixel/packet.js';
import { PacketParser } from '#alohad/hardware/dynamixel/parser.js';

const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from(hex.split(' '), (byte) => Number.parseInt(byte, 16));
const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');

function built(fill: (writer: PacketWriter) => PacketWriter): Uint8Array {
  const writer = new PacketWriter();
  fill(writer).end();
  return writer.bytes.slice(0, writer.length);
}

/** Examples of emanual.robotis.com/docs/en/dxl/protocol2, section by section. */
const INSTRUCTIONS: readonly [name: string, bytes: string, fill: (writer: PacketWriter) => PacketWriter][] = [
  ['ping', 'ff ff fd 00 01 03 00 01 19 4e', (w) => w.begin(1, INSTRUCTION.ping)],
  ['broadcast ping', 'ff ff fd 00 fe 03 00 01 31 42', (w) => w.begin(0xfe, INSTRUCTION.ping)],
  ['read', 'ff ff fd 00 01 07 00 02 84 00 04 00 1d 15', (w) => w.begin(1, INSTRUCTION.read).u16(132).u16(4)],
  [
    'write',
    'ff ff fd 00 01 09 00 03 74 00 00 02 00 00 ca 89',
    (w) => w.begin(1, INSTRUCTION.write).u16(116).u32(512),
  ],
  [
    'reg write',
    'ff ff fd 00 01 09 00 04 68 00 c8 00 00 00 ae 8e',
    (w) => w.begin(1, INSTRUCTION.regWrite).u16(104).u32(200),
  ],
  ['action', 'ff ff fd 00 01 03 00 05 02 ce', (w) => w.begin(1, INSTRUCTION.action)],
  ['factory reset', 'ff ff fd 00 01 04 00 06 01 a1 e6', (w) => w.begin(1, INSTRUCTION.factoryReset).u8(0x01)],
  ['reboot', 'ff ff fd 00 01 03 00 08 2f 4e', (w) => w.begin(1, INSTRUCTION.reboot)],
  [
    'clear',
    'ff ff fd 00 01 08 00 10 01 44 58 4c 22 b1 dc',
    (w) => w.begin(1, INSTRUCTION.clear).raw(bytesOf('01 44 58 4c 22')),
  ],
  [
    'sync read',
    'ff ff fd 00 fe 09 00 82 84 00 04 00 01 02 ce fa',
    (w) => w.begin(0xfe, INSTRUCTION.syncRead).u16(132).u16(4).u8(1).u8(2),
  ],
  [
    'sync write',
    'ff ff fd 00 fe 11 00 83 74 00 04 00 01 96 00 00 00 02 aa 00 00 00 82 87',
    (w) => w.begin(0xfe, INSTRUCTION.syncWrite).u16(116).u16(4).u8(1).u32(150).u8(2).u32(170),
  ],
  [
    'fast sync read',
    'ff ff fd 00 fe 0a 00 8a 84 00 04 00 03 07 04 20 f2',
    (w) => w.begin(0xfe, INSTRUCTION.fastSyncRead).u16(132).u16(4).u8(3).u8(7).u8(4),
  ],
  [
    'bulk read',
    'ff ff fd 00 fe 0d 00 92 01 90 00 02 00 02 92 00 01 00 1a 05',
    (w) => w.begin(0xfe, INSTRUCTION.bulkRead).u8(1).u16(144).u16(2).u8(2).u16(146).u16(1),
  ],
  [
    'bulk write',
    'ff ff fd 00 fe 10 00 93 01 20 00 02 00 a0 00 02 1f 00 01 00 50 b7 68',
    (w) => w.begin(0xfe, INSTRUCTION.bulkWrite).u8(1).u16(32).u16(2).u16(160).u8(2).u16(31).u16(1).u8(80),
  ],
];

/** Status packets of the same page. */
const STATUSES: readonly [name: string, bytes: string, id: number, parameters: string][] = [
  ['ping', 'ff ff fd 00 01 07 00 55 00 06 04 26 65 5d', 1, '06 04 26'],
  ['ping of ID 2', 'ff ff fd 00 02 07 00 55 00 06 04 26 6f 6d', 2, '06 04 26'],
  ['read', 'ff ff fd 00 01 08 00 55 00 a6 00 00 00 8c c0', 1, 'a6 00 00 00'],
  ['sync read of ID 2', 'ff ff fd 00 02 08 00 55 00 1f 08 00 00 ba be', 2, '1f 08 00 00'],
  ['bulk read, voltage', 'ff ff fd 00 01 06 00 55 00 77 00 c3 69', 1, '77 00'],
  ['bulk read, temperature', 'ff ff fd 00 02 05 00 55 00 24 8b a9', 2, '24'],
  [
    'fast sync read',
    'ff ff fd 00 fe 19 00 55 00 03 a6 00 00 00 84 08 00 07 1f 08 00 00 16 ca 00 04 ff 03 00 00 d1 9e',
    0xfe,
    '03 a6 00 00 00 84 08 00 07 1f 08 00 00 16 ca 00 04 ff 03 00 00',
  ],
  [
    'fast bulk read',
    'ff ff fd 00 fe 14 00 55 00 03 a6 00 00 00 67 a4 00 07 a5 01 24 74 00 04 1f d9 c1',
    0xfe,
    '03 a6 00 00 00 67 a4 00 07 a5 01 24 74 00 04 1f',
  ],
];

describe('packets of the e-manual', () => {
  it.each(INSTRUCTIONS)('%s is built byte by byte', (_, bytes, fill) => {
    expect(hexOf(built(fill))).toBe(bytes);
  });

  it.each(STATUSES)('the answer to %s is read', (_, bytes, id, parameters) => {
    const parser = new PacketParser();
    parser.push(bytesOf(bytes));
    expect(parser.next()).toBe(true);
    expect([parser.id, parser.instruction, parser.error, parser.alert]).toEqual([id, 0x55, 0, false]);
    expect(hexOf(parser.parameters.subarray(0, parser.parameterCount))).toBe(parameters);
    expect(parser.next()).toBe(false);
  });

  it('a fast answer carries the CRC of everything before it behind every share', () => {
    const packet = bytesOf(STATUSES[6]![1]);
    for (const [end, crc] of [
      [14, 0x0884],
      [22, 0xca16],
      [30, 0x9ed1],
    ] as const)
      expect(crc16(packet, 0, end)).toBe(crc);
  });

  it('alert and error number are told apart', () => {
    const parser = new PacketParser();
    parser.push(built((w) => w.begin(5, INSTRUCTION.status).u8(0x87)));
    expect(parser.next()).toBe(true);
    expect([parser.error, parser.alert]).toEqual([7, true]);
  });
});

describe('any stream', () => {
  // Bytes that make headers and stuffing likely.
  const parameters = array(constantFrom(0xff, 0xfd, 0x00, 0x55, 0x10), { maxLength: 40 });
  const packet = (id: number, content: readonly number[]): Uint8Array =>
    built((w) => w.begin(id, INSTRUCTION.write).raw(Uint8Array.from(content)));

  it('any parameters survive stuffing, and no header appears inside', () => {
    assert(
      property(integer({ min: 0, max: 252 }), parameters, (id, content) => {
        const bytes = packet(id, content);
        expect(hexOf(bytes.subarray(4)).includes('ff ff fd 00')).toBe(false);
        const parser = new PacketParser();
        parser.push(bytes);
        expect(parser.next()).toBe(true);
        expect(parser.id).toBe(id);
        expect([...parser.parameters.subarray(0, parser.parameterCount)]).toEqual(content);
      }),
    );
  });

  it('two packets are found at every place where the stream may be cut', () => {
    assert(
      property(parameters, parameters, (first, second) => {
        const stream = Uint8Array.from([...packet(1, first), ...packet(2, second)]);
        for (let cut = 0; cut <= stream.length; cut++) {
          const parser = new PacketParser();
          const found: number[] = [];
          for (const part of [stream.subarray(0, cut), stream.subarray(cut)]) {
            parser.push(part);
            while (parser.next()) found.push(parser.id, parser.parameterCount);
          }
          expect(found).toEqual([1, first.length, 2, second.length]);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('byte by byte, with rubbish before, between and behind', () => {
    const rubbish = uint8Array({ maxLength: 20 }).filter((bytes) => !bytes.includes(0xff));
    assert(
      property(rubbish, parameters, rubbish, parameters, (before, first, between, second) => {
        const parser = new PacketParser();
        const found: number[] = [];
        for (const byte of [...before, ...packet(1, first), ...between, ...packet(2, second)]) {
          parser.push(Uint8Array.of(byte));
          while (parser.next()) found.push(parser.id);
        }
        expect(found).toEqual([1, 2]);
        expect(parser.strayBytes).toBe(before.length + between.length);
      }),
    );
  });

  it('a flipped bit never yields a packet that was not sent', () => {
    assert(
      property(parameters, nat(), nat(7), (content, where, bit) => {
        const bytes = packet(7, content);
        bytes[where % bytes.length]! ^= 1 << bit;
        const parser = new PacketParser();
        parser.push(bytes);
        expect(parser.next()).toBe(false);
      }),
    );
  });

  it('a good packet behind a damaged or torn one is found', () => {
    assert(
      property(parameters, nat(), (content, where) => {
        const torn = packet(7, content);
        const stream = [...torn.subarray(0, where % torn.length), ...packet(8, content)];
        const parser = new PacketParser();
        // The torn one may wait for bytes that never come: later packets push it out.
        parser.push(Uint8Array.from([...stream, ...packet(9, []), ...packet(9, []), ...packet(9, content)]));
        const found: number[] = [];
        while (parser.next()) found.push(parser.id);
        expect(found).toContain(8);
      }),
    );
  });

  it('what does not fit is dropped from the old end', () => {
    const parser = new PacketParser();
    parser.push(new Uint8Array(10_000).fill(0x11));
    parser.push(packet(3, [1, 2, 3]));
    expect(parser.next()).toBe(true);
    expect(parser.id).toBe(3);
    expect(parser.strayBytes).toBe(10_000);
  });
});
