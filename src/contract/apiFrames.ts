/**
 * Binary messages of the control API: what is streamed. Little-endian, a header of 16 bytes, then the payload.
 *
 *   u8 version  u8 kind  u16 index  u32 step  f64 time [ms, the daemon's monotonic clock]
 *
 *   kind 1  camera: index = position in the state's `cameras`, payload JPEG
 *   kind 2  joints: payload f32 x 72: qpos, qvel, effort, action, goal (14 each; rad, grippers 0 to 1), reward, late [ms]
 *   kind 3  chunk: index = rows, payload f32 x rows x 14: actions for steps step, step + 1, ...
 *
 * This file runs in browsers too and imports nothing that does not.
 */
import { DOF } from './robot.js';

const VERSION = 1;
const HEADER_BYTES = 16;
export const FRAME = { camera: 1, joints: 2, chunk: 3 } as const;

/** Numbers of a joints frame. */
export const JOINT_FIELDS = 5 * DOF + 2;

export type StreamFrame =
  | {
      readonly kind: 'camera';
      readonly camera: number;
      readonly step: number;
      readonly timeMs: number;
      readonly jpeg: Uint8Array<ArrayBuffer>;
    }
  | {
      readonly kind: 'joints';
      readonly step: number;
      readonly timeMs: number;
      readonly qpos: Float32Array;
      readonly qvel: Float32Array;
      readonly effort: Float32Array;
      readonly action: Float32Array;
      readonly goal: Float32Array;
      readonly reward: number;
      readonly lateMs: number;
    }
  | {
      readonly kind: 'chunk';
      readonly step: number;
      readonly timeMs: number;
      readonly rows: number;
      /** Shape (rows, 14). */
      readonly actions: Float32Array;
    };

/** A whole binary message. `payload` is copied. */
export function encodeFrame(
  kind: keyof typeof FRAME,
  index: number,
  step: number,
  timeMs: number,
  payload: Uint8Array | Float32Array,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + payload.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, VERSION);
  view.setUint8(1, FRAME[kind]);
  view.setUint16(2, index, true);
  view.setUint32(4, step, true);
  view.setFloat64(8, timeMs, true);
  bytes.set(new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength), HEADER_BYTES);
  return bytes;
}

/** Undefined when it is not a frame that this version knows. Numbers are taken as the machine's, which is little-endian. */
export function decodeFrame(buffer: ArrayBuffer): StreamFrame | undefined {
  if (buffer.byteLength < HEADER_BYTES) return undefined;
  const view = new DataView(buffer);
  if (view.getUint8(0) !== VERSION) return undefined;
  const index = view.getUint16(2, true);
  const step = view.getUint32(4, true);
  const timeMs = view.getFloat64(8, true);
  switch (view.getUint8(1)) {
    case FRAME.camera:
      return { kind: 'camera', camera: index, step, timeMs, jpeg: new Uint8Array(buffer, HEADER_BYTES) };
    case FRAME.joints: {
      if (buffer.byteLength !== HEADER_BYTES + JOINT_FIELDS * 4) return undefined;
      const numbers = new Float32Array(buffer, HEADER_BYTES);
      const vector = (n: number): Float32Array => numbers.subarray(n * DOF, (n + 1) * DOF);
      return {
        kind: 'joints',
        step,
        timeMs,
        qpos: vector(0),
        qvel: vector(1),
        effort: vector(2),
        action: vector(3),
        goal: vector(4),
        reward: numbers[5 * DOF]!,
        lateMs: numbers[5 * DOF + 1]!,
      };
    }
    case FRAME.chunk: {
      if (buffer.byteLength !== HEADER_BYTES + index * DOF * 4) return undefined;
      return { kind: 'chunk', step, timeMs, rows: index, actions: new Float32Array(buffer, HEADER_BYTES) };
    }
    default:
      return undefined;
  }
}
