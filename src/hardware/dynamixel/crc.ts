/**
 * CRC-16 of Protocol 2.0: polynomial x^16 + x^15 + x^2 + 1 (0x8005), initial value 0, not reflected.
 * Source: emanual.robotis.com/docs/en/dxl/crc.
 */
const POLYNOMIAL = 0x8005;

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) !== 0 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
  return crc & 0xffff;
});

/** CRC of bytes[start..end), continuing from `crc`. Safe in the loop. */
export function crc16(bytes: Uint8Array, start: number, end: number, crc = 0): number {
  let value = crc;
  for (let index = start; index < end; index++) {
    value = ((value << 8) & 0xffff) ^ TABLE[(value >> 8) ^ bytes[index]!]!;
  }
  return value;
}
