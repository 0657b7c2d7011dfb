/** What can be made to go wrong on an emulated line, on demand. */
import { HARDWARE_ERROR } from '../dynamixel/controlTable.js';
import { Random } from '../../contract/random.js';

/** Share of status packets, 0 to 1, that suffer each fate. */
export interface LineFaults {
  readonly drop?: number;
  readonly corrupt?: number;
  readonly duplicate?: number;
  /** The answer carries another servo's ID, with a correct CRC. */
  readonly wrongId?: number;
  /** Answers late by `delayMs`. */
  readonly delay?: number;
  readonly delayMs?: number;
}

/** A message of the control channel. Servos by ID; all of the bus when absent. */
export type FaultCommand =
  | { readonly kind: 'line'; readonly faults: LineFaults }
  | { readonly kind: 'servo'; readonly id: number; readonly fault: ServoFault }
  /** Holds a joint, and the shadow that shares it, at an encoder position [tick], or lets it go (null). */
  | { readonly kind: 'hand'; readonly id: number; readonly position: number | null }
  /** The horn cannot leave this range of the encoder [tick]; null: it can. */
  | { readonly kind: 'stops'; readonly id: number; readonly range: readonly [number, number] | null }
  | { readonly kind: 'unplug' }
  | { readonly kind: 'replug' };

export const SERVO_FAULTS = ['overload', 'overheat', 'undervoltage', 'shock', 'absent', 'present'] as const;
export type ServoFault = (typeof SERVO_FAULTS)[number];

/** Hardware errors that a fault sets at once. */
export const ERROR_OF: Readonly<Partial<Record<ServoFault, number>>> = {
  overload: HARDWARE_ERROR.overload,
  overheat: HARDWARE_ERROR.overheating,
  shock: HARDWARE_ERROR.electricalShock,
};

/** Decides the fate of every status packet, reproducibly. */
export class Mishaps {
  faults: LineFaults = {};
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed, 'servo line faults');
  }

  happens(share: number | undefined): boolean {
    return share !== undefined && share > 0 && this.#random.uniform() < share;
  }

  /** Flips one bit. */
  damage(bytes: Uint8Array): void {
    const index = this.#random.integer(bytes.length);
    bytes[index]! ^= 1 << this.#random.integer(8);
  }
}
