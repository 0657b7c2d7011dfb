/**
 * What an arm's bus does in every cycle: goals out, joints in, and now and then a look at one servo's health, all before
 * one deadline. Prepared once; a cycle does not allocate.
 */
import type { ServoBus } from './bus.js';
import { ADDRESS } from './controlTable.js';
import { SyncRead } from './syncRead.js';
import { SyncWrite } from './syncWrite.js';

/** Present Current (or Load), Velocity and Position lie side by side. */
const BLOCK = { address: ADDRESS.presentCurrent, bytes: 10, velocityAt: 2, positionAt: 6 } as const;
/** Present Input Voltage and Temperature as well. */
const HEALTH = { address: ADDRESS.presentInputVoltage, bytes: 3, temperatureAt: 2 } as const;

export interface ArmCycleOptions {
  /** Fast sync read; ask `supportsFastRead` first. */
  readonly fast?: boolean;
  /** What servos' answers may take beyond the wire before they are asked again [ms]. */
  readonly slackMs?: number;
  /** Cycles from one health reading to the next servo's; 0: none. */
  readonly healthEvery?: number;
}

export interface MeasuredHealth {
  readonly id: number;
  /** [V] and [degC]; NaN before the first reading. */
  voltageV: number;
  temperatureC: number;
  /** Bits of HARDWARE_ERROR. */
  hardwareError: number;
  /** When it was read, on the port's clock [ms]; 0 before the first reading. */
  timeMs: number;
}

/** Whether every one of these servos takes part in a fast sync read. */
export function supportsFastRead(bus: ServoBus, ids: readonly number[]): boolean {
  const read = new SyncRead(bus, BLOCK.address, BLOCK.bytes, ids, true);
  const retries = (): number => ids.reduce((sum, id) => sum + bus.statistics.of(id).retries, 0);
  const before = retries();
  return read.run(bus.port.nowMs() + 4 * bus.slackMs, bus.slackMs) === ids.length && retries() === before;
}

export class ArmCycle {
  /** Goal Position of each joint [tick], sent when a cycle is told to. Shape (joints,). */
  readonly goals: Int32Array;
  /** As last read, in ticks, 0.229 rev/min, 2.69 mA (or 0.1 %). What a silent servo said last stays. Shape (joints,). */
  readonly positions: Int32Array;
  readonly velocities: Int32Array;
  readonly currents: Int32Array;
  /** By servo, shadows included. */
  readonly health: readonly MeasuredHealth[];
  readonly #bus: ServoBus;
  readonly #read: SyncRead;
  readonly #write: SyncWrite;
  readonly #healthReads: readonly SyncRead[];
  readonly #errorReads: readonly SyncRead[];
  readonly #slackMs: number;
  readonly #healthEvery: number;
  #cycles = 0;
  #nextHealth = 0;

  /**
   * @param joints IDs of the servos that stand for a joint, in the order of the arrays
   * @param servos IDs of all servos of the arm: shadows obey without being asked, but they have a health
   */
  constructor(
    bus: ServoBus,
    joints: readonly number[],
    servos: readonly number[],
    options: ArmCycleOptions = {},
  ) {
    const { fast = false, slackMs = 2, healthEvery = 5 } = options;
    this.#bus = bus;
    this.#slackMs = slackMs;
    this.#healthEvery = healthEvery;
    this.#read = new SyncRead(bus, BLOCK.address, BLOCK.bytes, joints, fast);
    this.#write = new SyncWrite(bus, ADDRESS.goalPosition, 4, joints);
    this.#healthReads = servos.map((id) => new SyncRead(bus, HEALTH.address, HEALTH.bytes, [id]));
    this.#errorReads = servos.map((id) => new SyncRead(bus, ADDRESS.hardwareErrorStatus, 1, [id]));
    this.goals = this.#write.values;
    this.positions = new Int32Array(joints.length);
    this.velocities = new Int32Array(joints.length);
    this.currents = new Int32Array(joints.length);
    this.health = servos.map((id) => ({
      id,
      voltageV: Number.NaN,
      temperatureC: Number.NaN,
      hardwareError: 0,
      timeMs: 0,
    }));
  }

  /** 1 where the joint was read in the last cycle. Shape (joints,). */
  get valid(): Uint8Array {
    return this.#read.valid;
  }

  /** When each joint was last read, on the port's clock [ms]; 0: never. Shape (joints,). */
  get timeMs(): Float64Array {
    return this.#read.timeMs;
  }

  /** 1 where the joint's servo reported a hardware error in its last answer. Shape (joints,). */
  get alert(): Uint8Array {
    return this.#read.alert;
  }

  /** Age of the oldest joint [ms]; Infinity: one was never read. Safe in the loop. */
  oldestMs(nowMs: number): number {
    let oldest = nowMs;
    for (let joint = 0; joint < this.timeMs.length; joint++) {
      if (this.timeMs[joint] === 0) return Infinity;
      oldest = Math.min(oldest, this.timeMs[joint]!);
    }
    return nowMs - oldest;
  }

  /**
   * One cycle; returns how many joints were read. Servos that stay silent are asked once more, while there is time.
   * @param deadlineMs on the port's clock
   * @param sendGoals whether `goals` are written first
   * Safe in the loop. Throws PortError.
   */
  run(deadlineMs: number, sendGoals: boolean): number {
    if (sendGoals) this.#write.send();
    const count = this.#read.run(deadlineMs, this.#slackMs);
    const { view, valid } = this.#read;
    for (let joint = 0; joint < valid.length; joint++) {
      if (valid[joint] === 0) continue;
      const at = joint * BLOCK.bytes;
      this.currents[joint] = view.getInt16(at, true);
      this.velocities[joint] = view.getInt32(at + BLOCK.velocityAt, true);
      this.positions[joint] = view.getInt32(at + BLOCK.positionAt, true);
    }
    if (this.#healthEvery > 0 && ++this.#cycles % this.#healthEvery === 0) this.#lookAtOne(deadlineMs);
    return count;
  }

  /** Reads the health of one servo, if there is time. */
  #lookAtOne(deadlineMs: number): void {
    const n = this.#nextHealth;
    const read = this.#healthReads[n]!;
    const { port } = this.#bus;
    if (port.nowMs() + this.#bus.wireMs(read.wireBytes) + this.#slackMs > deadlineMs) return;
    this.#nextHealth = (n + 1) % this.health.length;
    if (read.run(deadlineMs, this.#slackMs) === 0) return;
    const health = this.health[n]!;
    health.voltageV = read.view.getUint16(0, true) / 10;
    health.temperatureC = read.view.getUint8(HEALTH.temperatureAt);
    health.timeMs = port.nowMs();
    if (read.alert[0] === 0) health.hardwareError = 0;
    else if (this.#errorReads[n]!.run(deadlineMs, this.#slackMs) === 1) {
      health.hardwareError = this.#errorReads[n]!.view.getUint8(0);
    }
  }
}
