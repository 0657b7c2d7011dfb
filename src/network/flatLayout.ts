/** Where parameters lie in the optimizer's flat vectors. */
import { ALIGNMENT } from './adamw.js';
import type { AdamWRange } from './adamw.js';
import { sizeOf } from './graph.js';
import type { Shape } from './graph.js';
import { TrainingError } from './trainingError.js';

export interface Slot {
  readonly name: string;
  readonly shape: Shape;
  readonly offset: number;
  readonly size: number;
}

/** Parameters whose name starts with `prefix` train with these; the first group that matches counts. */
export interface ParameterGroup {
  readonly prefix: string;
  readonly learningRate: number;
  readonly weightDecay: number;
}

/** Slots one after another, each aligned, and the length of the whole. */
export function flatLayout(shapes: ReadonlyMap<string, Shape>): { slots: Slot[]; length: number } {
  let length = 0;
  const slots = [...shapes].map(([name, shape]) => {
    const slot = { name, shape, offset: length, size: sizeOf(shape) };
    length = aligned(length + slot.size);
    return slot;
  });
  return { slots, length };
}

/** The optimizer's ranges: neighbours of one group are joined. */
export function groupRanges(slots: readonly Slot[], groups: readonly ParameterGroup[]): AdamWRange[] {
  const ranges: AdamWRange[] = [];
  let previous: ParameterGroup | undefined;
  for (const { name, offset, size } of slots) {
    const group = groups.find(({ prefix }) => name.startsWith(prefix));
    if (!group) throw new TrainingError(`no parameter group matches "${name}"; add one with prefix ''`);
    const { learningRate, weightDecay } = group;
    const start = group === previous ? ranges.pop()!.start : offset;
    ranges.push({ start, end: aligned(offset + size), learningRate, weightDecay });
    previous = group;
  }
  return ranges;
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}
