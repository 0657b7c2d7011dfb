/** Four emulated arms in a folder of the test's own, hands that hold the leaders, and the rig file that names them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { loadArmProfile, loadGripper } from '#alohad/config/armFiles.js';
import { ServoBus } from '#alohad/hardware/dynamixel/bus.js';
import { ADDRESS } from '#alohad/hardware/dynamixel/controlTable.js';
import { Emulator } from '#alohad/hardware/emulator/emulator.js';
import { SerialPort } from '#alohad/hardware/serialPort.js';

export const SIDES = ['left', 'right'] as const;
export const PROFILES = { leader: loadArmProfile('wx250s'), follower: loadArmProfile('vx300s') };
const GRIPPER_ID = 9;
const WAIST_ID = 1;
/** rad to tick of a servo that is not reversed. */
const tick = (angle: number): number => 2048 + Math.round((angle * 2048) / Math.PI);

/** Registers of an arm's servos, in the order of its profile. */
export interface Servos {
  readonly torque: readonly number[];
  readonly position: readonly number[];
  readonly goal: readonly number[];
}

export class EmulatedAloha {
  readonly folder: string;
  /** A rig file with the four buses; its backend is the simulation unless a verb says otherwise. */
  readonly rig: string;
  readonly emulator: Emulator;

  static async start(): Promise<EmulatedAloha> {
    const folder = mkdtempSync(join(tmpdir(), 'alohad-arms-'));
    const buses = (['leader', 'follower'] as const).flatMap((role, r) =>
      SIDES.map((side, s) => ({
        name: `${role}_${side}`,
        path: join(folder, `${role}_${side}`),
        arm: PROFILES[role],
        wire: {},
        gravity: false,
        seed: 2 * r + s,
      })),
    );
    const rig = join(folder, 'rig.yaml');
    const lines = buses.map(({ name, path, arm }) => `  ${name}: { port: ${path}, arm: ${arm.name} }\n`);
    writeFileSync(rig, `name: test\nbuses:\n${lines.join('')}`);
    return new EmulatedAloha(folder, rig, await Emulator.start(buses));
  }

  private constructor(folder: string, rig: string, emulator: Emulator) {
    this.folder = folder;
    this.rig = rig;
    this.emulator = emulator;
  }

  /** A hand holds a servo at an angle [rad]; null lets go. */
  hand(bus: string, id: number, angle: number | null): void {
    this.emulator.apply(bus, { kind: 'hand', id, position: angle === null ? null : tick(angle) });
  }

  closeHands(): void {
    for (const side of SIDES)
      this.hand(`leader_${side}`, GRIPPER_ID, loadGripper('aloha', 'leader').joint.close);
  }

  openHands(): void {
    for (const side of SIDES) this.hand(`leader_${side}`, GRIPPER_ID, null);
  }

  /** Swings the left leader's waist to `angle` [rad]. */
  turn(angle: number | null): void {
    this.hand('leader_left', WAIST_ID, angle);
  }

  /** What the servos of an arm say, by their own registers, once nobody drives them. */
  async servos(bus: string): Promise<Servos> {
    const profile = PROFILES[bus.startsWith('leader') ? 'leader' : 'follower'];
    // Under load, whoever drove them until now may need a moment to let the port go.
    const port = await vi.waitFor(
      async () => SerialPort.open(join(this.folder, bus), profile.baudRate),
      5000,
    );
    try {
      const line = new ServoBus(port, { slackMs: 500 });
      const read = (address: number, size: 1 | 4): number[] =>
        profile.servos.map(({ id }) =>
          size === 1 ? line.readUnsigned(id, address, 1) : line.readSigned(id, address, 4),
        );
      return {
        torque: read(ADDRESS.torqueEnable, 1),
        position: read(ADDRESS.presentPosition, 4),
        goal: read(ADDRESS.goalPosition, 4),
      };
    } finally {
      port.close();
      await port.released();
    }
  }

  async close(): Promise<void> {
    await this.emulator.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
