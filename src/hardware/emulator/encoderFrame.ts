/** What a servo calls its position against what its encoder counts: reversal and homing offset. */
import { ADDRESS, MODE, REVERSE_BIT, TICKS_PER_REVOLUTION } from '../dynamixel/controlTable.js';
import type { ControlMemory } from './controlMemory.js';

/** Homing offsets beyond it are ignored in position mode [tick]; source: e-manual, Homing Offset (20). */
const POSITION_MODE_OFFSET = 1024;

/** Whether positions, velocities, currents and PWM have the opposite sign. */
export const isReverse = (memory: ControlMemory): boolean =>
  (memory.get(ADDRESS.driveMode) & REVERSE_BIT) !== 0;

/** Encoder position [tick] -> Present Position. Reverse mode mirrors within a revolution; the offset is not mirrored. */
export function toReported(memory: ControlMemory, encoder: number): number {
  const mirrored = isReverse(memory) ? TICKS_PER_REVOLUTION - encoder : encoder;
  return mirrored + effectiveOffset(memory);
}

/** Goal Position -> encoder position [tick]. */
export function toEncoder(memory: ControlMemory, reported: number): number {
  const mirrored = reported - effectiveOffset(memory);
  return isReverse(memory) ? TICKS_PER_REVOLUTION - mirrored : mirrored;
}

function effectiveOffset(memory: ControlMemory): number {
  const offset = memory.get(ADDRESS.homingOffset);
  const isPositionMode = memory.get(ADDRESS.operatingMode) === MODE.position;
  return isPositionMode && Math.abs(offset) > POSITION_MODE_OFFSET ? 0 : offset;
}
