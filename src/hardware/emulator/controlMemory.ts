/**
 * The bytes of an emulated servo's control table, with the rules of who may read and write what: unknown addresses,
 * read-only registers, parts of a register, ranges, and indirect addresses that stand for others.
 */
import { ADDRESS, RAM_START, TABLE_BYTES, type Register } from '../dynamixel/controlTable.js';
import type { Model } from '../dynamixel/models.js';
import { STATUS_ERROR } from '../dynamixel/packet.js';

/** Indirect registers of one block. */
const INDIRECT_COUNT = 28;

export class ControlMemory {
  readonly model: Model;
  readonly #bytes = new Uint8Array(TABLE_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);

  constructor(model: Model) {
    this.model = model;
    for (const register of model.registers) this.set(register.address, register.initial);
  }

  /** Value of the register that begins at `address`. */
  get(address: number): number {
    const register = this.model.at[address];
    return register ? this.#number(register) : 0;
  }

  /** Sets a register whatever its access; does nothing where the model has none. */
  set(address: number, value: number): void {
    const register = this.model.at[address];
    if (register?.size === 1) this.#view.setUint8(address, value);
    else if (register?.size === 2) this.#view.setUint16(address, value, true);
    else if (register) this.#view.setUint32(address, value, true);
  }

  /** Puts the RAM area back to what it is after power-on. */
  resetRam(): void {
    for (const register of this.model.registers) {
      if (register.address >= RAM_START) this.set(register.address, register.initial);
    }
  }

  /** Copies bytes to `into`; returns an error number of STATUS_ERROR. */
  read(address: number, length: number, into: Uint8Array): number {
    if (address + length > TABLE_BYTES || length > into.length) return STATUS_ERROR.access;
    for (let offset = 0; offset < length; offset++) {
      const actual = this.#resolve(address + offset);
      if (this.model.at[actual] === undefined) return STATUS_ERROR.access;
      into[offset] = this.#bytes[actual]!;
    }
    return STATUS_ERROR.none;
  }

  /**
   * Writes bytes, register by register, each whole. `check` sees every register with its new value before anything is
   * changed and may refuse; `apply` is told after each is set. Returns an error number of STATUS_ERROR.
   */
  write(
    address: number,
    data: Uint8Array,
    check: (register: Register, value: number) => number,
    apply: (register: Register, value: number, before: number) => void,
  ): number {
    if (address + data.length > TABLE_BYTES || data.length === 0) return STATUS_ERROR.access;
    const changes: { register: Register; value: number }[] = [];
    for (let offset = 0; offset < data.length;) {
      const start = this.#resolve(address + offset);
      const register = this.model.at[start];
      if (!register || register.access === 'R') return STATUS_ERROR.access;
      if (start !== register.address || offset + register.size > data.length) return STATUS_ERROR.dataLength;
      for (let byte = 1; byte < register.size; byte++) {
        if (this.#resolve(address + offset + byte) !== start + byte) return STATUS_ERROR.dataLength;
      }
      const value = decode(register, data, offset);
      if (value < register.min || value > register.max) return STATUS_ERROR.dataRange;
      const refusal = check(register, value);
      if (refusal !== STATUS_ERROR.none) return refusal;
      changes.push({ register, value });
      offset += register.size;
    }
    for (const { register, value } of changes) {
      const before = this.#number(register);
      this.set(register.address, value);
      apply(register, value, before);
    }
    return STATUS_ERROR.none;
  }

  #number(register: Register): number {
    return decode(register, this.#bytes, register.address);
  }

  /** The address that an Indirect Data byte stands for; any other address stands for itself. */
  #resolve(address: number): number {
    const blocks = [
      [ADDRESS.indirectData1, ADDRESS.indirectAddress1],
      [ADDRESS.indirectData29, ADDRESS.indirectAddress29],
    ] as const;
    for (const [data, pointers] of blocks) {
      const index = address - data;
      if (index >= 0 && index < INDIRECT_COUNT) return this.#view.getUint16(pointers + 2 * index, true);
    }
    return address;
  }
}

function decode(register: Register, bytes: Uint8Array, offset: number): number {
  let value = 0;
  for (let byte = register.size - 1; byte >= 0; byte--) value = value * 256 + bytes[offset + byte]!;
  const half = 2 ** (8 * register.size - 1);
  return register.signed && value >= half ? value - 2 * half : value;
}
