import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ServoBus, type PingAnswer } from '#alohad/hardware/dynamixel/bus.js';
import { NoAnswerError, ServoRefusedError } from '#alohad/hardware/dynamixel/busErrors.js';
import { ADDRESS } from '#alohad/hardware/dynamixel/controlTable.js';
import { modelByNumber } from '#alohad/hardware/dynamixel/models.js';
import { STATUS_ERROR } from '#alohad/hardware/dynamixel/packet.js';
import { SyncRead } from '#alohad/hardware/dynamixel/syncRead.js';
import { SyncWrite } from '#alohad/hardware/dynamixel/syncWrite.js';
import { SerialPort } from '#alohad/hardware/serialPort.js';

/** What a machine at work may take beyond the wire [ms]. */
const SLACK_MS = 1000;

/**
 * What every line of servos must do, emulated or real. Nothing here moves a servo or switches torque: LEDs blink.
 * `path` and `baudRate` of a port with at least one X-series servo on it.
 */
export function describeBusContract(name: string, where: () => { path: string; baudRate: number }): void {
  describe(`${name} keeps the contract of a servo bus`, () => {
    let port: SerialPort;
    let bus: ServoBus;
    let found: PingAnswer[];
    beforeEach(async () => {
      const { path, baudRate } = where();
      port = await SerialPort.open(path, baudRate);
      bus = new ServoBus(port, { slackMs: SLACK_MS });
      found = bus.broadcastPing();
    });
    afterEach(() => port.close());

    it('answers pings: all at once, and each alone', () => {
      expect(found.length).toBeGreaterThan(0);
      for (const answer of found) {
        expect(bus.ping(answer.id)).toEqual(answer);
        expect(modelByNumber(answer.modelNumber)).toBeDefined();
      }
    });

    it('reads the same by read, sync read and bulk read', () => {
      const ids = found.map(({ id }) => id);
      const sync = new SyncRead(bus, ADDRESS.modelNumber, 2, ids);
      expect(sync.run(port.nowMs() + 2 * SLACK_MS, SLACK_MS)).toBe(ids.length);
      const bulk = bus.bulkRead(ids.map((id) => ({ id, address: ADDRESS.modelNumber, length: 2 })));
      for (const [n, { id, modelNumber }] of found.entries()) {
        expect(bus.readUnsigned(id, ADDRESS.modelNumber, 2)).toBe(modelNumber);
        expect(sync.view.getUint16(2 * n, true)).toBe(modelNumber);
        expect(bulk[n]).toEqual(Uint8Array.of(modelNumber & 0xff, modelNumber >> 8));
      }
    });

    it('writes by write, sync write, and reg write with action', () => {
      const [first] = found;
      const id = first!.id;
      const led = (): number => bus.readUnsigned(id, ADDRESS.led, 1);
      bus.write(id, ADDRESS.led, 1, 1);
      expect(led()).toBe(1);
      const write = new SyncWrite(bus, ADDRESS.led, 1, [id]);
      write.values[0] = 0;
      write.send();
      expect(led()).toBe(0);
      bus.regWrite(id, ADDRESS.led, 1, 1);
      expect(led()).toBe(0);
      bus.action(id);
      expect(led()).toBe(1);
      bus.write(id, ADDRESS.led, 1, 0);
    });

    it('refuses to write what is read-only, and says which servo', () => {
      const { id } = found[0]!;
      const write = (): void => bus.write(id, ADDRESS.presentPosition, 4, 0);
      expect(write).toThrow(ServoRefusedError);
      expect(write).toThrow(`servo ${id}`);
      try {
        write();
      } catch (error) {
        expect(error).toMatchObject({ id, error: STATUS_ERROR.access });
      }
    });

    it('names a servo that is not there', () => {
      const absent = Array.from({ length: 253 }, (_, id) => id).find(
        (id) => !found.some((one) => one.id === id),
      );
      const impatient = new ServoBus(port, { slackMs: 5 });
      expect(() => impatient.ping(absent!)).toThrow(NoAnswerError);
    });
  });
}
